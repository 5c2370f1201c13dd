"""The tests stand on the real thing: PostgreSQL 18 with pgvector, Valkey, and worker processes."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client


@pytest.mark.django_db
def test_database_is_postgresql_with_vectors() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int")
        assert cursor.fetchone()[0] >= 160000
        cursor.execute("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'")
        assert cursor.fetchone()[0] == 1


def test_valkey_answers() -> None:
    cache.set("tests:answers", 7, timeout=10)
    assert cache.get("tests:answers") == 7


def test_health_tells_which_worker_is_silent(worker_starter: Any, client: Client, until: Any) -> None:
    cache.clear()
    body = client.get("/healthz").json()
    assert body["database"] is True
    assert body["workers"]["batch"] == {"seconds_since_heartbeat": None, "ok": False}
    assert body["ok"] is False

    worker_starter.start("batch")
    until(lambda: client.get("/healthz").json()["workers"]["batch"]["ok"], 15, "the batch worker's heartbeat")
    assert client.get("/healthz").json()["workers"]["interactive"]["ok"] is False
