"""Writes on community directions: refreshing, publishing, and un-publishing what was withdrawn.

A version is never changed (the database refuses it). Its vector and strips are another row, which goes away
when a member is withdrawn; the next version does without that member. Real and demonstration pairs never
share a series. Which ready pairs are members is decided in `membership`.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from django.db import transaction

from direction_commons.jobs.models import Job
from direction_commons.jobs.services import job_enqueue
from direction_commons.media.services import Written, image_delete, image_keep
from directions.community.membership import ready_directions
from directions.community.models import Series, Version, VersionStrip, VersionVector
from directions.inversions.codes import codes_pack, codes_sha256
from directions.pairs.models import Direction
from directions.semantics.models import Semantic
from directions.semantics.selectors import semantic_is_kept
from inference.averaging import CommunityDirection
from inference.intensities import STRIP

log = structlog.get_logger(__name__)

KIND = "refresh"
# After the demonstration pairs that are queued already, so that one refresh serves a whole portion of them;
# before the rendering of the next portion.
DEMONSTRATION_REFRESH = Job.Priority.DEMONSTRATION + 1


def series_get_or_create(*, direction: Direction) -> Series:
    """The series that this finished direction belongs to, made when it is the first."""
    key = {
        "semantic_id": direction.pair.semantic_id,
        "generator_id": direction.generator_id,
        "space": direction.space,
        "demonstration": direction.pair.demonstration,
    }
    Series.objects.bulk_create([Series(**key)], ignore_conflicts=True)
    return Series.objects.get(**key)


def series_refresh_request(*, series: Series) -> None:
    """Queue a refresh; a burst makes one running and one waiting."""
    priority = DEMONSTRATION_REFRESH if series.demonstration else Job.Priority.REFRESH
    job_enqueue(kind=KIND, key=str(series.pk), group=str(series.generator_id), priority=priority)


@transaction.atomic
def members_withdraw(*, series: Series, directions: list[str]) -> None:
    """These directions are no more: un-publish every version that held one, and queue the next version.

    Called in the transaction that deleted the directions; the lock on the series makes a refresh that is just
    publishing either see them gone, or be seen here.
    """
    series = Series.objects.select_for_update().get(pk=series.pk)
    for direction in directions:
        held = Version.objects.filter(series=series, members__contains=[{"direction": direction}])
        for version in held:
            version_unpublish(version=version)
    if not ready_directions(series).exists():  # nobody is left: no catalog shows it for another moment
        series_empty(series=series)
    series_refresh_request(series=series)


def version_publish(
    *, series: Series, members: Sequence[Direction], average: CommunityDirection, strips: Sequence[Written]
) -> Version:
    """The next version: its numbers, its vector, a strip for each sample face. Called with the series locked.

    `members` in the order of `average.member_cosines`; `strips` are written to the disk, and kept here.
    """
    last = Version.objects.filter(series=series).order_by("-number").first()
    data, shape = codes_pack(average.vector)
    version = Version(
        series=series,
        number=last.number + 1 if last is not None else 1,
        members=[
            {"direction": str(member.pk), "weight": round(share, 6), "cosine": round(cosine, 6)}
            for member, share, cosine in zip(
                members, average.member_shares, average.member_cosines, strict=True
            )
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
    for face, strip in enumerate(strips):
        image = image_keep(written=strip)
        VersionStrip.objects.create(version=version, face=face, intensities=list(STRIP), image=image)
    _stand(series, latest=version, disagreeing=0)
    log.info("community.published", series=series.pk, version=version.number, members=len(members))
    return version


def version_unpublish(*, version: Version) -> None:
    """Delete the vector and the strips; the version's numbers stay, for they name nobody."""
    strips = list(VersionStrip.objects.filter(version=version).select_related("image"))
    VersionVector.objects.filter(version=version).delete()
    for strip in strips:
        strip.delete()
        image_delete(image=strip.image)


def series_agrees(*, series: Series) -> None:
    """Its pairs agree, and its newest version is of just these: nothing to publish, nothing to warn of."""
    _stand(series, latest=series.latest, disagreeing=0)


def series_empty(*, series: Series) -> None:
    """No pair is left: no version is for use, and no catalog shows it for another moment."""
    _stand(series, latest=None, disagreeing=0)


def series_disagreement(*, series: Series, pairs: int) -> None:
    """These many pairs agree on no direction: say so, beside the newest version that can still be used.

    Called by the refresh, the series locked.
    """
    usable = VersionVector.objects.filter(version__series=series).order_by("-version__number")
    newest = usable.defer("data").select_related("version").first()
    _stand(series, latest=newest.version if newest is not None else None, disagreeing=pairs)
    log.info("community.disagreement", series=series.pk, pairs=pairs)


def _stand(series: Series, *, latest: Version | None, disagreeing: int) -> None:
    """The only place that says which version is for use, and how many pairs agree on none."""
    series.latest, series.disagreeing = latest, disagreeing
    series.save(update_fields=["latest", "disagreeing"])


@transaction.atomic
def series_remove(*, series: Series) -> None:
    """Delete a series with its versions, strips and jobs."""
    Series.objects.select_for_update().filter(pk=series.pk).first()
    strips = VersionStrip.objects.filter(version__series=series).select_related("image")
    images = [strip.image for strip in strips]
    key = str(series.pk)
    series.delete()
    Job.objects.filter(kind=KIND, key=key).delete()
    for image in images:
        image_delete(image=image)


@transaction.atomic
def semantic_forget(*, semantic_id: int) -> bool:
    """Delete a change that nothing names any more, with its emptied series. True when it is gone.

    A name is a person's free text: it must not outlive what it was for. The lock makes whoever names it in
    this moment wait, and then either be seen here, or make it anew.
    """
    semantic = Semantic.objects.select_for_update().filter(pk=semantic_id).first()
    if semantic is None:
        return True
    if semantic.pairs.exists() or semantic_is_kept(semantic):
        return False
    for series in Series.objects.filter(semantic=semantic).order_by("pk"):
        series_remove(series=series)
    semantic.delete()
    log.info("semantic.forgotten", semantic=semantic_id)
    return True
