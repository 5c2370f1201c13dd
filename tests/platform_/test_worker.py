"""The queue with a real Celery worker process: the doorbell, SIGTERM, SIGKILL, a database that goes away."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from direction_commons.jobs import handling, services
from direction_commons.jobs.handling import Batch, drain
from direction_commons.jobs.models import Job
from direction_commons.jobs.services import job_enqueue
from direction_commons.local import engines
from direction_commons.local.folders import folders_for
from direction_commons.local.processes import Child, stop_children

pytestmark = pytest.mark.django_db(transaction=True)
HERE = Path(__file__).parent
LEASE = 2


def environment(valkey_url: str) -> dict[str, str]:
    """Of another process on this test's database."""
    from tests.conftest import test_database_url

    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(HERE), *(path for path in sys.path if path)]),
        "DIRECTION_COMMONS_DATABASE_URL": test_database_url(),
        "DIRECTION_COMMONS_VALKEY_URL": valkey_url,
        "DIRECTION_COMMONS_JOB_LEASE_SECONDS": str(LEASE),
    }


class Worker:
    def __init__(self, folder: Path, name: str = "", valkey_url: str = "") -> None:
        self.log = folder / f"worker-{time.monotonic_ns()}.log"
        env = environment(valkey_url or settings.VALKEY_URL)
        argv = [sys.executable, "-m", "celery", "-A", "direction_commons.config.celery", "worker"]
        argv += ["--pool=solo", "-Q", "slow", "-n", f"{name or self.log.stem}@test", "-I", "slow_work"]
        argv += ["--without-gossip", "--without-mingle"]
        with self.log.open("w") as out:
            self.process = subprocess.Popen(argv, env=env, stdout=out, stderr=out)

    def ready(self) -> Worker:
        wait(lambda: "ready." in self.log.read_text(), 150, self.log.read_text)
        return self

    def end(self, number: int) -> float:
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - began


def wait(true: Callable[[], Any], seconds: float, what: Callable[[], str] = str) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            pytest.fail(f"not within {seconds} s: {what()}")
        time.sleep(0.05)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def one(name: str = "", valkey_url: str = "") -> Worker:
        workers.append(Worker(tmp_path, name, valkey_url))
        return workers[-1].ready()  # in the list first: one that never gets ready is ended, too

    yield one
    for worker in workers:
        worker.process.kill()
        worker.process.wait()


def enqueue(folder: Path) -> Job:
    folder.mkdir()
    return job_enqueue(kind="slow", key=str(folder), queue="slow")


def lines(folder: Path) -> list[str]:
    log = folder / "log"
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def state(job: Job) -> tuple[str, int]:
    job.refresh_from_db()
    return job.state, job.attempt - job.returned


def test_the_doorbell_is_heard_and_sigterm_returns_the_row_unspent(
    start: Callable[..., Worker], tmp_path: Path
) -> None:
    worker = start()
    job = enqueue(tmp_path / "a")
    # There is no beat, and the worker looked by itself before: only the doorbell can have been heard.
    wait(lambda: lines(tmp_path / "a") == ["start"], 20, worker.log.read_text)
    assert state(job) == ("running", 1)
    assert worker.end(signal.SIGTERM) < 10
    assert worker.process.returncode == 0
    assert state(job) == ("queued", 0)
    assert lines(tmp_path / "a") == ["start"]


RINGER = """
import sys, django
django.setup()
from direction_commons.jobs.services import job_enqueue
for key in sys.stdin:
    job_enqueue(kind="slow", key=key.strip(), queue="slow")
    print("accepted", flush=True)
"""


def test_the_doorbell_is_heard_again_after_valkey_was_away(
    start: Callable[..., Worker], tmp_path: Path
) -> None:
    """One process rings all the time, as the web does; what was rung while nobody heard is done with it."""
    folders = folders_for(Path(tempfile.mkdtemp(prefix="dc-test-")))
    folders.make()
    valkey = [Child(engines.valkey_child_program(folders))]
    argv = [sys.executable, "-c", RINGER]
    env = environment(folders.valkey_url)
    ringer = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert ringer.stdin is not None
    assert ringer.stdout is not None

    def done(*names: str) -> bool:
        """Rings once more and looks."""
        last = tmp_path / names[-1]
        if lines(last) != ["start", "end"]:
            print(last, file=ringer.stdin, flush=True)
            assert ringer.stdout.readline() == "accepted\n"
        return all(lines(tmp_path / name)[-1:] == ["end"] for name in names)

    try:
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "go").touch()
        engines.wait_for(valkey[-1], lambda: engines.valkey_ready(folders), time.sleep)
        worker = start(valkey_url=folders.valkey_url)
        wait(lambda: done("a"), 20, worker.log.read_text)
        stop_children(valkey)
        assert not done("b")
        valkey.append(Child(engines.valkey_child_program(folders)))
        engines.wait_for(valkey[-1], lambda: engines.valkey_ready(folders), time.sleep)
        wait(lambda: done("b"), 40, worker.log.read_text)
    finally:
        ringer.kill()
        ringer.wait()
        stop_children(valkey)
        shutil.rmtree(folders.home)
        shutil.rmtree(folders.sockets)


def test_what_a_killed_worker_had_is_done_once_by_the_next(
    start: Callable[..., Worker], tmp_path: Path
) -> None:
    first = start()
    job = enqueue(tmp_path / "a")
    wait(lambda: lines(tmp_path / "a") == ["start"], 20, first.log.read_text)
    first.end(signal.SIGKILL)
    assert services.jobs_sweep(queue="slow", hooks={}) == 0, "the lease has not run out yet"
    assert state(job) == ("running", 1)
    second = start()
    time.sleep(LEASE)
    services.doorbell_ring(queue="slow")  # as beat does
    wait(lambda: lines(tmp_path / "a") == ["start", "start"], 20, second.log.read_text)
    assert state(job) == ("running", 2)
    (tmp_path / "a" / "go").touch()
    wait(lambda: state(job) == ("done", 2), 10, second.log.read_text)
    wait(lambda: lines(tmp_path / "a") == ["start", "start", "end"], 5)


def test_a_worker_that_comes_back_under_its_name_takes_up_at_once_what_it_had(
    start: Callable[..., Worker], tmp_path: Path
) -> None:
    first = start("one")
    job = enqueue(tmp_path / "a")
    wait(lambda: lines(tmp_path / "a") == ["start"], 20, first.log.read_text)
    first.end(signal.SIGKILL)
    late = Now() + timedelta(hours=1)
    Job.objects.filter(pk=job.pk).update(lease_until=late)  # however long the lease still is
    second = start("one")  # and nobody rings: it looks by itself
    wait(lambda: lines(tmp_path / "a") == ["start", "start"], 20, second.log.read_text)
    assert state(job) == ("running", 2)


def test_a_hung_loop_loses_its_lease_and_a_living_one_keeps_it(
    start: Callable[..., Worker], tmp_path: Path
) -> None:
    worker = start()
    job = enqueue(tmp_path / "a")
    wait(lambda: lines(tmp_path / "a") == ["start"], 20, worker.log.read_text)
    time.sleep(LEASE + 1)
    assert services.jobs_sweep(queue="slow", hooks={}) == 0, "it renews"
    worker.process.send_signal(signal.SIGSTOP)
    time.sleep(LEASE + 0.5)
    # at once, unless it was stopped within a transaction: then when the database has ended that
    wait(lambda: services.jobs_sweep(queue="slow", hooks={}) == 1, 20, worker.log.read_text)
    assert state(job) == ("queued", 1)
    (claim,) = services.jobs_claim(queue="slow", batches={"slow": 1})
    worker.process.send_signal(signal.SIGCONT)
    (tmp_path / "a" / "go").touch()
    time.sleep(1.5)
    assert state(job) == ("running", 2), "the hung worker woke up and must not have touched the row"
    services.claim_finish(claim=claim)
    assert "end" not in lines(tmp_path / "a")


def test_a_database_that_goes_away_in_mid_work_costs_no_attempt(work: Any) -> None:
    attempts: list[int] = []

    @work(kind="slow")
    def run(batch: Batch) -> None:
        attempts.append(batch.claims[0].tries)
        if len(attempts) == 1:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        with batch.finishing(batch.claims[0]):
            pass

    job = job_enqueue(kind="slow", key="x", queue="slow")
    assert drain("slow", "w") == 2
    assert attempts == [1, 1]
    assert state(job) == ("done", 1)


def test_a_row_that_is_returned_for_ever_is_ended(
    work: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.JOB_RETRY_SECONDS = 0
    monkeypatch.setattr(handling, "MOST_RETURNS", 3)

    @work(kind="slow")
    def run(batch: Batch) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    job = job_enqueue(kind="slow", key="x", queue="slow")
    assert drain("slow", "w") == 3 + 3
    assert state(job)[0] == "failed"
    assert job.code == "job:restless"
