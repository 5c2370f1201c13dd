"""The "refresh" job: average a series' directions, and publish a version if its members changed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import structlog

from direction_commons.jobs.handling import Batch, Claim, ClaimLost, handler
from direction_commons.media.services import image_store
from directions.community.models import Series, Version, VersionStrip, VersionVector
from directions.community.selectors import member_ids, series_members
from directions.community.services import KIND, series_refresh_request
from directions.inversions.codes import codes_pack, codes_sha256
from directions.pairs.exports import direction_load
from directions.pairs.models import Direction
from inference.averaging import CommunityDirection

log = structlog.get_logger(__name__)

INTENSITIES = (-2.0, -1.0, 0.0, 1.0, 2.0)
METHOD = "mean"


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
    ids = {str(member.pk) for member in members}
    average = _average(members) if series is not None and ids != member_ids(series.latest) else None
    strips = _strips(series, average) if series is not None and average is not None else []
    with batch.finishing(claim):
        locked = Series.objects.select_for_update().filter(pk=claim.key).first()
        if locked is None:
            return
        now = {str(pk) for pk in series_members(locked).values_list("pk", flat=True)}
        if not now:
            Series.objects.filter(pk=locked.pk).update(latest=None)
        elif now != ids:  # somebody came or went while we were averaging
            series_refresh_request(series=locked)
        elif average is not None:
            version = _publish(locked, members, average, strips)
            log.info("community.published", series=locked.pk, version=version.number, members=len(members))


def _average(members: list[Direction]) -> CommunityDirection | None:
    """None when there is nobody, or when members cancel each other out: nothing to publish then."""
    from inference import AveragingError, average

    if not members:
        return None
    try:
        found = average([direction_load(member) for member in members], method=METHOD)
    except AveragingError as error:
        if error.code in ("averaging:generator", "averaging:space"):
            raise
        log.warning("community.no-average", error=str(error), members=len(members))
        return None
    if found.step <= 0:
        log.warning("community.no-agreement", step=found.step, members=len(members))
        return None
    return found


def _strips(series: Series, average: CommunityDirection) -> list[npt.NDArray[np.uint8]]:
    """One strip [H, 5 W, 3] for each sample face of the generator."""
    from directions.inversions.runtime import bundle_for, sample_codes
    from inference import strip, to_uint8

    bundle = bundle_for(series.generator)
    rows = strip(bundle, sample_codes(series.generator), average, INTENSITIES)  # [F, 5, 3, H, W]
    return [np.concatenate(list(to_uint8(row)), axis=1) for row in rows]


def _publish(
    series: Series, members: list[Direction], average: CommunityDirection, strips: list[npt.NDArray[np.uint8]]
) -> Version:
    """Within the finishing transaction, the series locked: the next number, the vector, the strips."""
    last = Version.objects.filter(series=series).order_by("-number").first()
    data, shape = codes_pack(average.vector)
    version = Version(
        series=series,
        number=last.number + 1 if last is not None else 1,
        members=[
            {"direction": str(member.pk), "weight": 1.0 / len(members), "cosine": round(cosine, 6)}
            for member, cosine in zip(members, average.member_cosines, strict=True)
        ],
        num_members=len(members),
        num_contributors=len({member.pair.contributor_id for member in members}),
        resultant=average.R,
        agreement=average.rho,
        step=average.step,
        method=average.method,
        space=average.space,
        bundle_digest=average.digest,
        vector_digest=codes_sha256(data),
    )
    version.full_clean(exclude=["members"])
    version.save(force_insert=True)
    VersionVector.objects.create(version=version, data=data, shape=shape)
    for face, picture in enumerate(strips):
        image = image_store(owner=None, array=picture, public=True)
        VersionStrip.objects.create(version=version, face=face, intensities=list(INTENSITIES), image=image)
    Series.objects.filter(pk=series.pk).update(latest=version)
    return version
