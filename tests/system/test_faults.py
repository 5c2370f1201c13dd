"""What is accepted is never lost: workers killed in mid-inversion, Valkey and PostgreSQL away and back.

The whole program runs as a stranger runs it; pairs come in through the API; every accepted pair ends in
exactly one direction for each generator. The times to recovery are printed at the end of a run.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from direction_commons.local.folders import folders_for
from directions.home.client import Client, WalkthroughFailed
from tests.directions.domain_rows import a_face

LEASE = 6  # seconds; the setting's default is a minute
PAIRS_A_FAULT = 4


class Stack:
    """A running site, seen from outside (API) and from below (database, processes)."""

    def __init__(self, site: Any) -> None:
        self.site = site
        self.client = Client(site.url)
        name = f"faults{os.getpid()}"
        body = {"username": name, "email": f"{name}@example.org", "password": "correct horse battery"}
        self.client.token = self.client.call("POST", "/api/v1/accounts/", body=body).json()["token"]
        self.accepted: list[str] = []

    def contribute(self, count: int = PAIRS_A_FAULT) -> list[str]:
        """Pairs of new people each time, accepted by the API."""
        made = []
        for _ in range(count):
            seed = 700 + len(self.accepted)
            files = {"before": a_face(seed, 128, smile=0.1), "after": a_face(seed, 128, smile=0.9)}
            answer = self.client.call("POST", "/api/v1/pairs/", fields={"change": "smile"}, files=files)
            made.append(answer.json()["id"])
            self.accepted.append(made[-1])
        return made

    def pid(self, name: str) -> int | None:
        records = json.loads((self.site.home / "run/children.json").read_text())
        return next((entry["pid"] for entry in records if entry["name"] == name), None)

    def restarted(self, name: str, before: int | None) -> bool:
        return self.pid(name) not in (None, before)

    def signal(self, name: str, number: signal.Signals) -> int:
        pid = self.pid(name)
        assert pid is not None
        os.kill(pid, number)
        return pid

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        sockets = str(folders_for(self.site.home).sockets)
        connection = psycopg2.connect(host=sockets, user="postgres", dbname="direction_commons")
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()

    def inverting(self) -> bool:
        return bool(self.rows("SELECT 1 FROM jobs_job WHERE kind = 'inversion' AND state = 'running'"))

    def states(self, pairs: list[str]) -> list[str]:
        sql = "SELECT state FROM pairs_direction WHERE pair_id = ANY(%s::uuid[])"
        return [state for (state,) in self.rows(sql, pairs)]

    def all_ready(self, pairs: list[str]) -> bool:
        return self.states(pairs) == ["ready"] * len(pairs)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, start_site: Any) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("faults") / "data"
    more = {"DIRECTION_COMMONS_JOB_LEASE_SECONDS": str(LEASE)}
    more |= {"DIRECTION_COMMONS_DISCOVER_COMPONENTS": "0"}  # the times told are those of pairs alone
    site = start_site(home, more=more)
    assert site.process.poll() is None, site.said
    yield Stack(site)
    site.stop()


def test_a_quiet_run_for_comparison(stack: Stack, until: Any, told: Any) -> None:
    pairs = stack.contribute()
    told(
        f"{len(pairs)} pairs without any fault",
        until(lambda: stack.all_ready(pairs), 120, stack.site.said),
    )


def test_worker_killed_in_mid_inversion(stack: Stack, until: Any, told: Any) -> None:
    pairs = stack.contribute()
    until(stack.inverting, 60, "an inversion to run")
    killed = stack.signal("batch", signal.SIGKILL)
    assert not stack.all_ready(pairs)
    began = time.monotonic()
    until(lambda: stack.restarted("batch", killed), 30, "the supervisor to start it again")
    until(lambda: stack.all_ready(pairs), 180, f"{stack.states(pairs)}")
    told("batch worker killed with SIGKILL in mid-inversion", time.monotonic() - began)


def test_valkey_away_for_a_while(stack: Stack, until: Any, told: Any) -> None:
    """While the supervisor is held still nobody starts it again; pairs are accepted all the same."""
    os.kill(stack.site.process.pid, signal.SIGSTOP)
    try:
        stack.signal("valkey", signal.SIGTERM)
        time.sleep(1)
        began = time.monotonic()
        pairs = stack.contribute()
        told(f"{len(pairs)} pairs accepted without Valkey", time.monotonic() - began)
        body = stack.client.call("GET", "/healthz").json()
        assert body["database"] is True
        assert body["valkey"] is False
    finally:
        os.kill(stack.site.process.pid, signal.SIGCONT)
    began = time.monotonic()
    until(lambda: stack.client.call("GET", "/healthz").json()["valkey"], 30, "Valkey to be back")
    until(lambda: stack.all_ready(pairs), 180, f"{stack.states(pairs)}")
    told("Valkey stopped, and started again", time.monotonic() - began)


def test_postgresql_restarted_in_mid_inversion(stack: Stack, until: Any, told: Any) -> None:
    pairs = stack.contribute()
    until(stack.inverting, 60, "an inversion to run")
    began = time.monotonic()
    stopped = stack.signal("postgres", signal.SIGINT)  # fast shutdown: every connection is cut
    until(lambda: stack.restarted("postgres", stopped), 60, "PostgreSQL to be started again")

    def answers() -> bool:
        try:
            return bool(stack.client.call("GET", "/healthz").json()["database"])
        except WalkthroughFailed:
            return False

    until(answers, 60, "pages to answer again")
    told("PostgreSQL restarted, until pages answer", time.monotonic() - began)
    until(lambda: stack.all_ready(pairs), 180, f"{stack.states(pairs)}")
    told("PostgreSQL restarted in mid-inversion", time.monotonic() - began)


def test_every_accepted_pair_has_exactly_one_direction_a_generator(stack: Stack, until: Any) -> None:
    """After all of the above; counted in the database, below every service."""
    idle = "SELECT count(*) FROM jobs_job WHERE state IN ('queued', 'running')"
    until(lambda: stack.rows(idle) == [(0,)], 60, "the last refreshes of versions to end")
    found = stack.rows(
        "SELECT pair_id::text, generator_id::text, count(*), bool_and(state = 'ready') "
        "FROM pairs_direction GROUP BY pair_id, generator_id"
    )
    (generators,) = stack.rows("SELECT count(*) FROM generators_generator WHERE is_active")[0]
    assert len(stack.accepted) >= 4 * PAIRS_A_FAULT
    assert {pair for pair, *_ in found} == set(stack.accepted)
    assert len(found) == len(stack.accepted) * generators
    assert all(count == 1 and ready for _, _, count, ready in found)
    assert stack.rows("SELECT kind, key, code FROM jobs_job WHERE state = 'failed'") == []
