"""The "refresh" job: average a series' directions, and publish a version if its members changed."""

from __future__ import annotations

import structlog

from direction_commons.jobs.handling import Batch, Claim, ClaimLost, handler
from direction_commons.media.services import images_written
from directions.community.models import Series
from directions.community.selectors import member_ids, series_members, series_membership
from directions.community.services import (
    KIND,
    series_agrees,
    series_disagreement,
    series_empty,
    series_refresh_request,
    version_publish,
)
from directions.inversions.strips import Strip, strips_draw
from directions.pairs.exports import direction_load
from directions.pairs.models import Direction
from inference.averaging import DEFAULT_METHOD, CommunityDirection

log = structlog.get_logger(__name__)


@handler(kind=KIND, batch=1)
def run(batch: Batch) -> None:
    for claim in batch.claims:
        try:
            _refresh(batch, claim)
        except ClaimLost:
            log.info("refresh.lost", series=claim.key)


def _refresh(batch: Batch, claim: Claim) -> None:
    series = Series.objects.select_related("generator", "latest", "semantic").filter(pk=claim.key).first()
    members = list(series_members(series)) if series is not None else []
    ids = {member.pk for member in members}
    unchanged = (
        series is not None
        and {str(pk) for pk in ids} == member_ids(series.latest)
        and (series.latest is None or series.latest.method == DEFAULT_METHOD)
    )
    average = None if unchanged else _average(members)
    strips = _strips(series, average) if series is not None and average is not None else []
    drawn = images_written(owner=None, arrays=strips, public=True)
    with drawn as pictures, batch.finishing(claim):
        locked = Series.objects.select_for_update().filter(pk=claim.key).first()
        if locked is None:
            return
        if series_membership(locked).members != ids:  # somebody came or went while we were averaging
            series_refresh_request(series=locked)
        elif not ids:
            series_empty(series=locked)
        elif unchanged:
            series_agrees(series=locked)
        elif average is None:
            series_disagreement(series=locked, pairs=len(ids))
        else:
            version_publish(series=locked, members=members, average=average, strips=pictures)


def _average(members: list[Direction]) -> CommunityDirection | None:
    """None when there is nobody, or when members cancel each other out: nothing to publish then."""
    from inference import AveragingError, average

    if not members:
        return None
    try:
        found = average([direction_load(member) for member in members])
    except AveragingError as error:
        if error.code in ("averaging:generator", "averaging:space"):
            raise
        log.warning("community.no-average", error=str(error), members=len(members))
        return None
    if found.step <= 0:
        log.warning("community.no-agreement", step=found.step, members=len(members))
        return None
    return found


def _strips(series: Series, average: CommunityDirection) -> list[Strip]:
    """One for each sample face of the generator."""
    from directions.inversions.runtime import bundle_for, sample_codes

    bundle = bundle_for(series.generator)
    return strips_draw(bundle=bundle, codes=sample_codes(series.generator), direction=average)
