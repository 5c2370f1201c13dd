"""`/healthz`: whether the parts that the program stands on answer. Small, quick, for machines.

503 when the database does not answer: without it nothing works. All else is told, and leaves a 200: pages
can be read without workers, and people's pairs wait in the database.
"""

from __future__ import annotations

import shutil
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.db import Error
from django.http import HttpRequest, JsonResponse

from direction_commons.jobs.selectors import SILENT_AFTER, worker_ages

QUEUES = ("batch", "interactive")
DISK_LOW = 200 * 1024**2  # bytes


def valkey_answers() -> bool:
    try:
        caches["valkey"].get("healthz")
    except Exception:  # redis-py's and the socket's errors share no class
        return False
    return True


def heartbeats() -> dict[str, float | None] | None:
    """Seconds since each queue's worker was last heard; None as a whole when the database does not answer."""
    try:
        return worker_ages(queues=QUEUES)
    except Error:
        return None


def healthz(request: HttpRequest) -> JsonResponse:
    ages = heartbeats()
    database, valkey = ages is not None, valkey_answers()
    free = shutil.disk_usage(settings.HOME if settings.HOME.exists() else "/").free
    workers = {
        queue: {
            "seconds_since_heartbeat": None if age is None else round(age, 1),
            "ok": age is not None and age < SILENT_AFTER,
        }
        for queue, age in (ages or dict.fromkeys(QUEUES)).items()
    }
    body: dict[str, Any] = {
        "database": database,
        "valkey": valkey,
        "workers": workers,
        "disk": {"free_bytes": free, "ok": free > DISK_LOW},
    }
    body["ok"] = database and valkey and free > DISK_LOW and all(w["ok"] for w in workers.values())
    answer = JsonResponse(body, status=200 if database else 503)
    answer["Cache-Control"] = "no-store"
    return answer
