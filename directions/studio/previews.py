"""The web process's half of a preview: may this be drawn, then ask the interactive worker and wait a little.

It never decodes or draws a picture, and it never waits long: a preview that is not there within
`PREVIEW_SECONDS` is refused as busy (503), its message expires, and the browser sends its newest value.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from threading import BoundedSemaphore
from typing import Any

import structlog
from celery import Task
from celery.exceptions import TimeoutError as NoAnswer
from celery.result import AsyncResult
from django.conf import settings
from django.http import HttpRequest
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from rest_framework.request import Request

from direction_commons.accounts.models import User
from direction_commons.api.throttles import asker, throttle
from direction_commons.errors import UserError
from directions.generators.models import Generator
from directions.inversions.models import Inversion
from directions.studio.models import Photo
from directions.studio.rendering import CONTENT_TYPES
from directions.studio.selectors import PhotoProgress, photo_progress
from directions.studio.steps import ResolvedStep, Step, steps_resolve
from directions.studio.tasks import QUEUE, draw, judge

log = structlog.get_logger(__name__)
# The share of `out_of_domain` that an edit may add to the error with which its picture is read. Looked at on
# seven directions and five faces: below it stand faces, above it bands, smears and melted heads.
OUTSIDE_SHARE = 0.2

# Waiting for a preview holds a web thread; the rest of them must stay free for pages.
_waiting = BoundedSemaphore(settings.PREVIEWS_IN_FLIGHT)


@dataclass(frozen=True)
class Picture:
    """An encoded picture."""

    data: bytes
    content_type: str


@dataclass(frozen=True)
class Judgement:
    """Whether an edit leaves what the generator draws well: `shift` in the units of its `out_of_domain`."""

    shift: float
    limit: float

    @property
    def outside(self) -> bool:
        return self.shift > self.limit


def throttle_previews(request: HttpRequest | Request) -> None:
    """Counts one more picture or judgement asked for. Raises UserError "request:throttled" (429)."""
    throttle(scope="previews", who=asker(request))


def preview(
    *, user: User | None, photo: Photo, generator: Generator, steps: Sequence[Step], format: str = "webp"
) -> Picture:
    """The photo with the steps applied, drawn by the interactive worker.

    Raises:
        UserError: "studio:format", "studio:not-ready" (409), "studio:out-of-domain" (422),
            "studio:busy" (503), and what `steps_resolve` refuses.
    """
    format_known(format)
    inversion = editable_inversion(photo=photo, generator=generator)
    return picture_of(
        inversion=inversion, steps=steps_resolve(user=user, generator=generator, steps=steps), format=format
    )


def format_known(format: str) -> None:
    """Raises UserError "studio:format" for one that no picture is encoded in."""
    if format not in CONTENT_TYPES:
        wanted = " or ".join(CONTENT_TYPES)
        raise UserError("studio:format", f"The format {format[:20]!r} came; {wanted} was wanted.")


def judgement(*, user: User | None, photo: Photo, generator: Generator, steps: Sequence[Step]) -> Judgement:
    """Does this edit leave the generator's domain? Refuses what `preview` refuses."""
    inversion = editable_inversion(photo=photo, generator=generator)
    resolved = steps_resolve(user=user, generator=generator, steps=steps)
    answer = _answer(judge, inversion, resolved)
    return Judgement(answer["shift"], OUTSIDE_SHARE * float(generator.thresholds["out_of_domain"]))


def editable_inversion(*, photo: Photo, generator: Generator) -> Inversion:
    """The photo's code, if it has one and the generator knows this kind of picture."""
    progress = photo_progress(photo=photo, generator=generator)
    inversion = progress.inversion
    if inversion is None or inversion.state != Inversion.State.READY:
        raise _not_ready(progress)
    if inversion.out_of_domain:
        raise UserError(
            "studio:out-of-domain",
            f"“{generator.title}” does not know this kind of picture: its own version of it is too far off "
            f"(error {inversion.error or 0:.3f}, at most {generator.thresholds.get('out_of_domain', 0):.3f} "
            "can be edited).",
            "Compare the reconstruction with your photo, and take a picture of this generator's world.",
            status=422,
        )
    return inversion


def picture_of(*, inversion: Inversion, steps: Sequence[ResolvedStep], format: str) -> Picture:
    """Ask the interactive worker; the caller has asked for permission already."""
    answer = _answer(draw, inversion, steps, format=format)
    return Picture(base64.b64decode(answer["data"]), answer["content_type"])


def _answer(
    task: Task[Any, Any], inversion: Inversion, steps: Sequence[ResolvedStep], **more: str
) -> dict[str, Any]:
    if not _waiting.acquire(timeout=settings.PREVIEW_SECONDS / 10):
        raise _busy("every place is taken")
    try:
        answer = _asked(
            task,
            {
                "generator": inversion.generator_id,
                "digest": inversion.digest,
                "inversion": str(inversion.pk),
                "steps": [asdict(step) for step in steps],
                **more,
            },
        )
    finally:
        _waiting.release()
    if "gone" in answer:
        raise UserError(
            "studio:gone",
            "Something this edit needs was deleted a moment ago.",
            "Reload the page.",
            status=410,
        )
    return answer


def _asked(task: Task[Any, Any], message: dict[str, object]) -> dict[str, Any]:
    seconds = settings.PREVIEW_SECONDS
    result: AsyncResult[dict[str, Any]] | None = None
    try:
        result = task.apply_async(kwargs=message, queue=QUEUE, expires=seconds, retry=False)
        answer: dict[str, Any] = result.get(timeout=seconds)
    except NoAnswer as error:
        raise _busy("no answer in time") from error
    except (OperationalError, RedisError, RuntimeError) as error:
        # Celery answers a lost Valkey with a bare RuntimeError once its own retries are spent.
        log.warning("studio.queue-unreachable", error=repr(error))
        raise _busy("the queue cannot be reached") from error
    finally:
        if result is not None:
            _forgotten(result)
    return answer


def _forgotten(result: AsyncResult[dict[str, Any]]) -> None:
    """Drop the answer and its subscription; unread answers would pile up until they expire."""
    try:
        result.forget()
    except (RedisError, RuntimeError) as error:
        log.info("studio.answer-not-forgotten", error=repr(error))


def _busy(why: str) -> UserError:
    log.info("studio.busy", why=why)
    return UserError(
        "studio:busy",
        "The studio is busy and could not draw this in time.",
        "Try again in a moment.",
        status=503,
    )


def _not_ready(progress: PhotoProgress) -> UserError:
    if progress.state == "failed":
        return UserError("studio:photo-failed", progress.text, "Upload the photo again.", status=409)
    return UserError("studio:not-ready", progress.text, "Wait until the photo is ready.", status=409)
