"""Two jobs: "discover" runs the finders on a generator, "discover-strips" draws one component on its faces.

Neither asks what a component means: that is for people to say.
"""

from __future__ import annotations

import structlog

from direction_commons.jobs.handling import Batch, Claim, ClaimLost, handler, on_failed
from direction_commons.media.services import images_written
from directions.discover.models import Component
from directions.discover.selectors import component_load
from directions.discover.services import DRAW, FIND, FINDERS, INTENSITIES, components_keep, strips_keep
from directions.generators.models import Generator
from directions.inversions.strips import strips_draw

log = structlog.get_logger(__name__)

SAMPLES, SEED = 10_000, 0


@handler(kind=FIND, batch=1)
def find(batch: Batch) -> None:
    for claim in batch.claims:
        try:
            _find(batch, claim)
        except ClaimLost:
            log.info("discover.lost", key=claim.key)


def _find(batch: Batch, claim: Claim) -> None:
    from directions.inversions.runtime import bundle_for
    from inference.finders import find_components

    key, _, count = claim.key.partition(":")
    generator = Generator.objects.filter(pk=key, is_active=True).first()
    found = []
    if generator is not None:
        bundle = bundle_for(generator)
        for done, finder in enumerate(FINDERS):
            batch.renew(done / len(FINDERS))
            found += find_components(bundle, finder, {"components": int(count)}, samples=SAMPLES, seed=SEED)
    with batch.finishing(claim):
        if generator is not None:
            new = components_keep(generator=generator, found=found)
            log.info("discover.found", generator=generator.slug, components=len(found), new=new)


@handler(kind=DRAW, batch=1)
def draw(batch: Batch) -> None:
    for claim in batch.claims:
        try:
            _draw(batch, claim)
        except ClaimLost:
            log.info("discover.lost", key=claim.key)


def _draw(batch: Batch, claim: Claim) -> None:
    from directions.inversions.runtime import bundle_for, sample_codes

    row = Component.objects.select_related("generator").filter(pk=claim.key, drawn_at=None).first()
    strips = []
    if row is not None:
        bundle = bundle_for(row.generator)
        batch.renew(0.0)
        strips = strips_draw(
            bundle=bundle,
            codes=sample_codes(row.generator),
            direction=component_load(row),
            intensities=INTENSITIES,
        )
    with images_written(owner=None, arrays=strips, public=True) as written, batch.finishing(claim):
        locked = Component.objects.select_for_update(of=("self",)).filter(pk=claim.key).first()
        if locked is not None and locked.drawn_at is None and written:
            strips_keep(component=locked, strips=written)


@on_failed(DRAW)
def failed(key: str, code: str, reason: str) -> None:
    """Its pictures cannot be drawn: it stays unseen, and the page says how many do."""
    Component.objects.filter(pk=key, drawn_at=None).update(failed=reason)
