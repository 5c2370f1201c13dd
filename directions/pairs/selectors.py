"""Reads on pairs: a person's list, and where one contribution is, in words and numbers that are true."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Prefetch, QuerySet

from direction_commons.accounts.models import User
from direction_commons.jobs.models import Job
from direction_commons.jobs.selectors import job_of, job_place
from directions.generators.models import Generator
from directions.inversions.models import Inversion
from directions.inversions.selectors import InversionProgress, inversion_progress, place_text, seconds_text
from directions.pairs.derivation import KIND
from directions.pairs.models import Direction, Pair
from directions.pairs.verdicts import quality_notes


@dataclass(frozen=True)
class PairProgress:
    """Where a contribution is on one generator.

    Attributes:
        state: queued | inverting | deriving, and the final ready | refused | failed | cancelled | withdrawn.
        stage: which of 3 steps (before, after, direction); 3 when it is over. text: one honest sentence.
        ahead, seconds: place in the queue and time to the end; seconds is None while nothing has been
        measured. fraction: 0..1 over all steps. notes: caveats of a direction that counts.
    """

    state: str
    stage: int
    stages: int
    text: str
    ahead: int
    seconds: float | None
    fraction: float
    final: bool
    can_cancel: bool
    can_retry: bool
    before: InversionProgress | None = None
    after: InversionProgress | None = None
    before_inversion: Inversion | None = None
    after_inversion: Inversion | None = None
    direction: Direction | None = None
    notes: list[str] = field(default_factory=list)


def pairs_of(user: User) -> QuerySet[Pair]:
    """A person's own pairs, newest first, with pictures and directions (the default generator's first)."""
    directions = Direction.objects.select_related("generator", "strip").order_by(
        "-generator__is_default", "created_at"
    )
    return (
        Pair.objects.filter(contributor=user)
        .select_related("semantic", "before", "after")
        .prefetch_related(Prefetch("directions", queryset=directions.defer("vector")))
        .order_by("-created_at", "pk")
    )


def pairs_export(user: User) -> list[dict[str, Any]]:
    """What this room holds on a person, ready for JSON; registered with accounts."""
    return [
        {
            "id": str(pair.pk),
            "change": pair.semantic.name,
            "state": pair_state(pair),
            "created_at": pair.created_at.isoformat(),
            "pictures_public": pair.pictures_public,
            "before_sha256": pair.before.sha256 if pair.before else None,
            "after_sha256": pair.after.sha256 if pair.after else None,
            "directions": [
                {
                    "generator": row.generator.slug,
                    "state": row.state,
                    "step": row.step,
                    "quality": row.quality,
                }
                for row in pair.directions.all()
            ],
        }
        for pair in pairs_of(user)
    ]


def directions_of(user: User, generator: Generator) -> QuerySet[Direction]:
    """The ready directions of a person's own pairs on this generator, newest first: their private sliders."""
    return (
        Direction.objects.filter(pair__contributor=user, generator=generator, state=Direction.State.READY)
        .select_related("pair__semantic", "generator")
        .order_by("-pair__created_at")
    )


def direction_of(pair: Pair, generator: Generator | None = None) -> Direction | None:
    """The pair's direction on this generator; without one named, on the default (else the oldest)."""
    rows = pair.directions.select_related(
        "generator",
        "strip",
        "sample_strip",
        "before_inversion__reconstruction",
        "after_inversion__reconstruction",
    )
    if generator is not None:
        return rows.filter(generator=generator).first()
    return rows.order_by("-generator__is_default", "created_at").first()


def pair_state(pair: Pair) -> str:
    """The one word for lists; cheap on what `pairs_of` has loaded."""
    if pair.withdrawn_at is not None:
        return "withdrawn"
    first = next(iter(pair.directions.all()), None)
    return (
        _STATES[Direction.State(first.state)] if first else ("cancelled" if pair.cancelled_at else "queued")
    )


def pair_progress(pair: Pair, generator: Generator | None = None) -> PairProgress:
    """Where this contribution is on the generator (the default when none is named)."""
    if pair.withdrawn_at is not None:
        return _final("withdrawn", "You withdrew this contribution; its pictures and numbers are deleted.")
    direction = direction_of(pair, generator)
    if direction is None:
        return _final(
            "cancelled" if pair.cancelled_at else "failed", "Nothing is derived from this contribution."
        )
    before, after = direction.before_inversion, direction.after_inversion
    if direction.state == Direction.State.WAITING:
        return _inverting(direction, inversion_progress(before), inversion_progress(after))
    if direction.state == Direction.State.DERIVING:
        return _deriving(direction)
    texts = {
        Direction.State.READY: "Done: the direction is ready to use.",
        Direction.State.CANCELLED: "You cancelled this contribution.",
    }
    return _final(
        _STATES[Direction.State(direction.state)],
        texts.get(Direction.State(direction.state), direction.reason),
        direction=direction,
    )


_STATES = {
    Direction.State.WAITING: "inverting",
    Direction.State.DERIVING: "deriving",
    Direction.State.READY: "ready",
    Direction.State.REFUSED: "refused",
    Direction.State.FAILED: "failed",
    Direction.State.CANCELLED: "cancelled",
}


def _final(state: str, text: str, direction: Direction | None = None) -> PairProgress:
    return PairProgress(
        state=state,
        stage=3,
        stages=3,
        text=text,
        ahead=0,
        seconds=0.0,
        fraction=1.0,
        final=True,
        can_cancel=False,
        can_retry=state in ("failed", "cancelled") and direction is not None,
        before=inversion_progress(direction.before_inversion) if direction else None,
        after=inversion_progress(direction.after_inversion) if direction else None,
        before_inversion=direction.before_inversion if direction else None,
        after_inversion=direction.after_inversion if direction else None,
        direction=direction,
        notes=quality_notes(direction.quality) if direction and state == "ready" else [],
    )


def _inverting(direction: Direction, before: InversionProgress, after: InversionProgress) -> PairProgress:
    """Both pictures usually share a batch; then both move at once."""
    running = [one for one in (before, after) if one.state == "running"]
    waiting = [one for one in (before, after) if one.state == "waiting"]
    done = [one for one in (before, after) if one.state == "ready"]
    ahead = max((one.ahead for one in waiting), default=0)
    times = [one.seconds for one in (*running, *waiting)]
    known = [time for time in times if time is not None]
    seconds = max(known) if known and len(known) == len(times) else None
    if len(running) == 2:
        state, stage, text = "inverting", 1, f"1 and 2 of 3: inverting both pictures, {running[0].text}"
    elif running:
        stage = 1 if running[0] is before else 2
        name = "before" if stage == 1 else "after"
        state, text = "inverting", f"{stage} of 3: inverting the {name} picture, {running[0].text}"
    elif done:
        stage = 2 if before.state == "ready" else 1
        name = "after" if stage == 2 else "before"
        state, text = "inverting", f"{stage} of 3: the {name} picture waits to be inverted; {waiting[0].text}"
    else:
        state, stage, text = "queued", 1, f"1 of 3: waiting to be inverted; {place_text(ahead, None)}"
    if running and seconds is not None:
        text += f", {seconds_text(seconds)} left"
    elif state == "queued" and seconds is not None:
        text += f", done in {seconds_text(seconds)}"
    return PairProgress(
        state=state,
        stage=stage,
        stages=3,
        text=text,
        ahead=ahead,
        seconds=seconds,
        fraction=0.45 * before.fraction + 0.45 * after.fraction,
        final=False,
        can_cancel=True,
        can_retry=False,
        before=before,
        after=after,
        before_inversion=direction.before_inversion,
        after_inversion=direction.after_inversion,
        direction=direction,
    )


def _deriving(direction: Direction) -> PairProgress:
    job = job_of(kind=KIND, key=str(direction.pk))
    running = job is not None and job.state == Job.State.RUNNING
    place = job_place(job) if job is not None else None
    ahead, seconds = (place.ahead, place.seconds) if place is not None else (0, None)
    text = (
        "3 of 3: finding the direction and drawing its strips"
        if running
        else (f"3 of 3: both pictures are inverted; the direction is next, {place_text(ahead, seconds)}")
    )
    return PairProgress(
        state="deriving",
        stage=3,
        stages=3,
        text=text,
        ahead=ahead,
        seconds=seconds,
        fraction=0.9 + 0.1 * (job.progress if job is not None and running else 0.0),
        final=False,
        can_cancel=True,
        can_retry=False,
        before=inversion_progress(direction.before_inversion),
        after=inversion_progress(direction.after_inversion),
        before_inversion=direction.before_inversion,
        after_inversion=direction.after_inversion,
        direction=direction,
    )
