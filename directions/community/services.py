"""Writes on community directions: whose turn it is to be refreshed, and un-publishing what was withdrawn.

A version is never changed (the database refuses it). Its vector and strips are another row, which goes away
when a member is withdrawn; the next version does without that member. Real and demonstration pairs never
share a series. Which ready pairs are members is decided in `membership`.
"""

from __future__ import annotations

import structlog
from django.db import transaction

from direction_commons.jobs.models import Job
from direction_commons.jobs.services import job_enqueue
from direction_commons.media.services import image_delete
from directions.community.membership import ready_directions
from directions.community.models import Series, Version, VersionStrip, VersionVector
from directions.pairs.models import Direction
from directions.semantics.models import Semantic

log = structlog.get_logger(__name__)

KIND = "refresh"
# After the demonstration pairs that are queued already, so that one refresh serves a whole portion of them;
# before the rendering of the next portion.
DEMONSTRATION_REFRESH = Job.Priority.DEMONSTRATION + 1


def series_of(*, direction: Direction) -> Series:
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
        Series.objects.filter(pk=series.pk).update(latest=None, disagreeing=0)
    series_refresh_request(series=series)


def version_unpublish(*, version: Version) -> None:
    """Delete the vector and the strips; the version's numbers stay, for they name nobody."""
    strips = list(VersionStrip.objects.filter(version=version).select_related("image"))
    VersionVector.objects.filter(version=version).delete()
    for strip in strips:
        strip.delete()
        image_delete(image=strip.image)


def series_disagreement(*, series: Series, pairs: int) -> None:
    """These many pairs agree on no direction: say so, beside the newest version that can still be used.

    Called by the refresh, the series locked.
    """
    usable = VersionVector.objects.filter(version=series.latest).exists()
    Series.objects.filter(pk=series.pk).update(disagreeing=pairs, latest=series.latest if usable else None)
    log.info("community.disagreement", series=series.pk, pairs=pairs)


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
def change_forget(*, semantic_id: int) -> bool:
    """Delete a change that no pair names any more, with its emptied series. True when it is gone.

    A name is a person's free text: it must not outlive what it was for. The lock makes whoever names it in
    this moment wait, and then either be seen here, or make it anew.
    """
    semantic = Semantic.objects.select_for_update().filter(pk=semantic_id).first()
    if semantic is None:
        return True
    if semantic.pairs.exists():
        return False
    for series in Series.objects.filter(semantic=semantic).order_by("pk"):
        series_remove(series=series)
    semantic.delete()
    log.info("semantic.forgotten", semantic=semantic_id)
    return True
