"""Reads on inversions, for pages and for the rooms above."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from direction_commons.jobs.models import Job
from direction_commons.jobs.selectors import job_of, job_place
from direction_commons.media.models import StoredImage
from directions.generators.models import Generator
from directions.inversions.codes import Codes, codes_unpack
from directions.inversions.models import Inversion
from directions.inversions.services import KIND, STEPS


@dataclass(frozen=True)
class InversionProgress:
    """Where one inversion is. `ahead` and `seconds` are known while it waits."""

    state: str  # waiting | running | ready | failed
    text: str
    fraction: float  # 0..1
    step: int
    ahead: int
    seconds: float | None


def inversion_of(*, image: StoredImage, generator: Generator) -> Inversion | None:
    return Inversion.objects.filter(image=image, generator=generator).select_related("reconstruction").first()


def images_out_of_domain(*, images: Iterable[StoredImage], generator: Generator) -> set[UUID]:
    """Which of these pictures the generator was found unable to draw. One query."""
    rows = Inversion.objects.filter(image__in=images, generator=generator, out_of_domain=True)
    return set(rows.values_list("image_id", flat=True))


def inversion_codes(inversion: Inversion) -> Codes:
    """The code float32 [L, D] of a finished inversion."""
    if inversion.codes is None:
        raise ValueError(f"inversion {inversion.pk} is {inversion.state}: it has no code")
    return codes_unpack(inversion.codes, inversion.shape)


def inversion_progress(inversion: Inversion) -> InversionProgress:
    """Honest words and numbers: steps only while steps are made, a time only when one is known."""
    if inversion.state == Inversion.State.READY:
        return InversionProgress(
            "ready", f"inverted in {inversion.steps} steps", 1.0, inversion.steps, 0, 0.0
        )
    if inversion.state == Inversion.State.FAILED:
        return InversionProgress("failed", inversion.reason, 1.0, 0, 0, None)
    job = job_of(kind=KIND, key=str(inversion.pk))
    if job is not None and job.state == Job.State.RUNNING:
        step = round(job.progress * STEPS)
        place = job_place(job)
        return InversionProgress("running", f"step {step} of {STEPS}", job.progress, step, 0, place.seconds)
    if job is None or job.state != Job.State.QUEUED:
        return InversionProgress("waiting", "waiting for a worker", 0.0, 0, 0, None)
    place = job_place(job)
    return InversionProgress(
        "waiting", place_text(place.ahead, place.seconds), 0.0, 0, place.ahead, place.seconds
    )


def place_text(ahead: int, seconds: float | None) -> str:
    """ "3 ahead, about 40 s"; no time when none has been measured yet."""
    place = "next in line" if ahead == 0 else f"{ahead} ahead"
    return f"{place}, {seconds_text(seconds)}" if seconds is not None else place


def seconds_text(seconds: float) -> str:
    if seconds < 90:
        return f"about {max(5, round(seconds / 5) * 5)} s"
    return f"about {round(seconds / 60)} min"
