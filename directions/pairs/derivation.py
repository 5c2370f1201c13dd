"""Writes on directions: ask for one, queue it when its inversions are there, let it fail, derive all again.

A pair belongs to no generator: each active generator gets exactly one direction of it. Nothing here is asked
by a person; locks are taken in the order that `services.py` states.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from direction_commons.errors import UserError
from direction_commons.jobs.models import Job
from direction_commons.jobs.services import job_enqueue
from directions.generators.models import Generator
from directions.inversions.models import Inversion
from directions.inversions.services import inversion_request
from directions.pairs.models import Direction, Pair

KIND = "derive"
UNFINISHED = (Direction.State.WAITING, Direction.State.DERIVING)


@transaction.atomic
def direction_request(*, pair: Pair, generator: Generator, priority: int | None = None) -> Direction | None:
    """The direction of this pair on this generator, made and queued if there is none: exactly one each."""
    if pair.before is None or pair.after is None or pair.cancelled_at or pair.withdrawn_at:
        return None
    wanted = pair_priority(pair) if priority is None else priority
    inversions = {
        image.pk: inversion_request(image=image, generator=generator, priority=wanted, owner=pair.contributor)
        for image in sorted((pair.before, pair.after), key=lambda image: image.pk)
    }
    before, after = inversions[pair.before.pk], inversions[pair.after.pk]
    Direction.objects.bulk_create(
        [Direction(pair=pair, generator=generator, before_inversion=before, after_inversion=after)],
        ignore_conflicts=True,
    )
    direction_advance(inversion=before, priority=wanted)
    return Direction.objects.get(pair=pair, generator=generator)


def direction_advance(*, inversion: Inversion, priority: int | None = None) -> None:
    """Queue the derivation of every waiting direction whose two inversions are both there.

    Two inversions may finish in two transactions at once, neither seeing the other: the lock on the direction
    makes the second look again after the first has committed.
    """
    waiting = (
        Direction.objects.select_for_update()
        .filter(state=Direction.State.WAITING, generator=inversion.generator_id)
        .filter(_uses(inversion))
        .order_by("pk")
    )
    for direction in waiting:
        pair = Pair.objects.select_related("contributor").get(pk=direction.pair_id)
        ready = Inversion.objects.filter(
            pk__in={direction.before_inversion_id, direction.after_inversion_id}, state=Inversion.State.READY
        ).count()
        if ready < len({direction.before_inversion_id, direction.after_inversion_id}) or pair.cancelled_at:
            continue
        direction.state = Direction.State.DERIVING
        direction.save(update_fields=["state"])
        job_enqueue(
            kind=KIND,
            key=str(direction.pk),
            group=str(direction.generator_id),
            priority=pair_priority(pair) if priority is None else priority,
            owner=pair.contributor,
        )


def directions_fail(*, inversion: Inversion, reason: str) -> None:
    """An inversion gave up, and so do the directions that need it."""
    using = Direction.objects.select_for_update().filter(_uses(inversion), state__in=UNFINISHED)
    for direction in using.order_by("pk"):
        direction_fail(direction=direction, verdict="inversion-failed", reason=reason)


def direction_fail(*, direction: Direction, verdict: str, reason: str) -> None:
    direction.state, direction.verdict, direction.reason = Direction.State.FAILED, verdict, reason
    direction.finished_at = timezone.now()
    direction.save(update_fields=["state", "verdict", "reason", "finished_at"])


def directions_rederive(*, generator: Generator, priority: int = Job.Priority.REFRESH) -> int:
    """Queue the directions that the stored pairs lack on this generator; how many were queued.

    Idempotent: a pair that has its direction there, in whatever state, is left alone. A transaction a pair,
    so that a large commons never locks anything for long.
    """
    if not generator.is_active:
        raise UserError(
            "generators:inactive", f"{generator.title} is not in use.", "Register its bundle again."
        )
    lacking = (
        Pair.objects.filter(cancelled_at=None, withdrawn_at=None)
        .exclude(directions__generator=generator)
        .order_by("created_at")
    )
    queued = 0
    for pk in list(lacking.values_list("pk", flat=True)):
        with transaction.atomic():
            pair = (
                Pair.objects.select_for_update(of=("self",))
                .select_related("before", "after", "contributor")
                .filter(pk=pk)
                .first()
            )
            if pair is None:
                continue
            own = Job.Priority.DEMONSTRATION if pair.demonstration else priority
            queued += direction_request(pair=pair, generator=generator, priority=own) is not None
    return queued


def pair_priority(pair: Pair) -> int:
    return Job.Priority.DEMONSTRATION if pair.demonstration else Job.Priority.PERSON


def _uses(inversion: Inversion) -> Q:
    return Q(before_inversion=inversion) | Q(after_inversion=inversion)
