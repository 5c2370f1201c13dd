"""Celery's entrance for previews: load, draw, answer. The one queue whose answers travel back over Valkey.

A preview is worth nothing later, so it is no job row: its message expires, and a lost one is asked again.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import structlog
from celery import shared_task
from celery.signals import worker_ready

from directions.generators.models import Generator
from directions.studio.rendering import (
    CONTENT_TYPES,
    Gone,
    domain_shift,
    edited_pixels,
    encoded,
    pixels_of_codes,
)

log = structlog.get_logger(__name__)
QUEUE = "interactive"


# Celery logs what a task answers: a person's picture has no place there.
@shared_task(name="studio.draw", ignore_result=False, resultrepr_maxsize=16)
def draw(
    *, generator: int, digest: str, inversion: str, steps: list[dict[str, Any]], format: str
) -> dict[str, str]:
    """One picture as {"content_type", "data" (base64)}, or {"gone": what was erased meanwhile}."""
    from directions.inversions.runtime import bundle_for

    bundle = bundle_for(Generator.objects.get(pk=generator))
    try:
        pixels = edited_pixels(bundle=bundle, digest=digest, inversion=inversion, steps=steps)
    except Gone as gone:
        return {"gone": str(gone)}
    data = base64.b64encode(encoded(pixels, format)).decode("ascii")
    return {"content_type": CONTENT_TYPES[format], "data": data}


@shared_task(name="studio.judge", ignore_result=False)
def judge(*, generator: int, digest: str, inversion: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """{"shift"}: see `domain_shift`; or {"gone"} as above."""
    from directions.inversions.runtime import bundle_for

    bundle = bundle_for(Generator.objects.get(pk=generator))
    try:
        return {"shift": domain_shift(bundle=bundle, digest=digest, inversion=inversion, steps=steps)}
    except Gone as gone:
        return {"gone": str(gone)}


@worker_ready.connect
def warm_up(sender: Any, **_: Any) -> None:
    """Load the default generator and draw once, before the first slider moves and would wait for it."""
    if QUEUE not in sender.app.amqp.queues.consume_from:
        return
    generator = Generator.objects.filter(is_default=True).first()
    if generator is None:
        log.info("studio.not-warmed", why="no generator is registered yet")
        return
    from directions.inversions.runtime import bundle_for

    bundle = bundle_for(generator)
    encoded(
        pixels_of_codes(bundle, np.zeros((generator.num_layers, generator.code_dim), dtype=np.float32)), "png"
    )
    log.info("studio.warmed", generator=generator.slug)
