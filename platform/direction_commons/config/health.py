"""`/healthz`: whether the parts that the program stands on answer. Small, quick, for machines.

503 when the database does not answer: without it nothing works. All else is told, and leaves a 200: pages
can be read without workers, and people's pairs wait in the database.
"""

from __future__ import annotations

import shutil
import time
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse

QUEUES = ("batch", "interactive")
HEARTBEAT_SECONDS = 5
SILENT_AFTER = 30  # seconds without a heartbeat
DISK_LOW = 200 * 1024**2  # bytes


def heartbeat_key(queue: str) -> str:
    return f"worker-heartbeat:1:{queue}"


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def heartbeats() -> dict[str, float | None] | None:
    """Seconds since each queue's worker was last heard; None as a whole when Valkey does not answer."""
    try:
        found = caches["valkey"].get_many([heartbeat_key(queue) for queue in QUEUES])
    except Exception:  # redis-py's and the socket's errors share no class
        return None
    now = time.time()
    ages = {queue: found.get(heartbeat_key(queue)) for queue in QUEUES}
    return {queue: None if at is None else round(max(0.0, now - at), 1) for queue, at in ages.items()}


def healthz(request: HttpRequest) -> JsonResponse:
    database = database_answers()
    ages = heartbeats()
    free = shutil.disk_usage(settings.HOME if settings.HOME.exists() else "/").free
    workers = {
        queue: {"seconds_since_heartbeat": age, "ok": age is not None and age < SILENT_AFTER}
        for queue, age in (ages or dict.fromkeys(QUEUES)).items()
    }
    body: dict[str, Any] = {
        "database": database,
        "valkey": ages is not None,
        "workers": workers,
        "disk": {"free_bytes": free, "ok": free > DISK_LOW},
    }
    body["ok"] = database and ages is not None and free > DISK_LOW and all(w["ok"] for w in workers.values())
    answer = JsonResponse(body, status=200 if database else 503)
    answer["Cache-Control"] = "no-store"
    return answer
