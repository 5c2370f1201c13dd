"""The "derive" job: from two codes to a direction, its quality, a verdict and two strips.

A direction that cannot count (the same picture twice, unrelated pictures, pictures outside the generator's
world) is refused with words for the person; it keeps its numbers and gets no vector, so nothing can use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import structlog
from django.db.models import QuerySet
from django.utils import timezone

from direction_commons.jobs.handling import Batch, Claim, ClaimLost, handler, on_failed
from direction_commons.media.services import image_keep, image_read, images_written
from directions.inversions.codes import codes_pack
from directions.inversions.selectors import inversion_codes
from directions.inversions.strips import Strip, strips_draw
from directions.pairs.derivation import KIND, UNFINISHED, direction_fail
from directions.pairs.models import Direction
from directions.pairs.signals import pair_derived
from directions.pairs.verdicts import verdict_text
from inference.intensities import STRIP

if TYPE_CHECKING:
    from inference import Bundle
    from inference import Direction as LibraryDirection

log = structlog.get_logger(__name__)


@handler(kind=KIND, batch=4)
def run(batch: Batch) -> None:
    """Derive each claimed direction, one after the other: each is a few forward passes."""
    total = len(batch.claims)
    for done, claim in enumerate(batch.claims):
        batch.renew(done / total)
        direction = _rows().filter(pk=claim.key).first()
        try:
            if direction is None or direction.state not in UNFINISHED:
                with batch.finishing(claim):
                    pass
            else:
                _derive(batch, claim, direction)
        except ClaimLost:
            log.info("derive.lost", direction=claim.key)


@on_failed(KIND)
def failed(key: str, code: str, reason: str) -> None:
    direction = Direction.objects.select_for_update().filter(pk=key, state__in=UNFINISHED).first()
    if direction is not None:
        direction_fail(direction=direction, verdict=code, reason=reason)


def _rows() -> QuerySet[Direction]:
    return Direction.objects.select_related(
        "pair__semantic",
        "pair__contributor",
        "generator",
        "before_inversion__image",
        "after_inversion__image",
    )


def _derive(batch: Batch, claim: Claim, direction: Direction) -> None:
    from directions.inversions.runtime import bundle_for

    bundle = bundle_for(direction.generator)
    found = _find(bundle, direction)
    verdict = found.quality.get("verdict")
    strips = None if verdict else _strips(bundle, direction, found)
    drawn = images_written(owner=direction.pair.contributor, arrays=strips or ())
    with drawn as written, batch.finishing(claim):
        row = (
            Direction.objects.select_for_update(of=("self",))
            .filter(pk=direction.pk, state__in=UNFINISHED)
            .first()
        )
        if row is None:  # withdrawn or cancelled meanwhile
            return
        row.quality, row.digest, row.space, row.step = found.quality, found.digest, found.space, found.step
        row.finished_at = timezone.now()
        if strips is None:
            row.state, row.verdict = Direction.State.REFUSED, str(verdict)
            row.reason = verdict_text(
                verdict=str(verdict), quality=found.quality, generator=direction.generator
            )
            row.save()
            log.info("pair.refused", pair=str(row.pair_id), verdict=row.verdict)
            return
        row.vector, row.shape = codes_pack(found.vector)
        row.strip, row.sample_strip = (image_keep(written=one) for one in written)
        row.strip_intensities = list(STRIP)
        row.state, row.verdict, row.reason = Direction.State.READY, "", ""
        row.save()
        pair_derived.send(sender=Direction, direction=row)


def _find(bundle: Bundle, direction: Direction) -> LibraryDirection:
    """The library's direction from the stored codes; each must be this bundle's."""
    import torch

    from inference import direction_from_codes, read_image
    from inference.inversion import assess

    sides = []
    for inversion in (direction.before_inversion, direction.after_inversion):
        if inversion.digest != bundle.digest:
            raise ValueError(
                f"codes of bundle {inversion.digest[:12]} for a direction on {bundle.digest[:12]}"
            )
        picture = read_image(image_read(inversion.image), direction.generator.resolution).to(bundle.device)
        codes = torch.from_numpy(inversion_codes(inversion))[None].to(bundle.device)  # [1, L, D]
        sides.append((assess(bundle, picture, codes, steps=torch.tensor([inversion.steps])), picture))
    (before, before_picture), (after, after_picture) = sides
    return direction_from_codes(
        bundle, before, after, before_picture, after_picture, space=direction.generator.space
    )


def _strips(bundle: Bundle, direction: Direction, found: LibraryDirection) -> tuple[Strip, Strip]:
    """On the pair's own before, and on a sample face."""
    import torch

    from directions.inversions.runtime import sample_codes

    own = torch.from_numpy(np.array(found.before_codes))[None].to(bundle.device)  # [1, L, D]
    codes = torch.cat([own, sample_codes(direction.generator)[:1]])  # [2, L, D]
    first, second = strips_draw(bundle=bundle, codes=codes, direction=found)
    return first, second
