"""The job row: claiming, fencing, leases, batches, retries, cancel, place in the queue."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from structlog.testing import capture_logs

from direction_commons.errors import UserError
from direction_commons.jobs import handling, services
from direction_commons.jobs.handling import Batch, drain, on_failed
from direction_commons.jobs.models import Job
from direction_commons.jobs.selectors import job_of, job_place, worker_ages, workers_alive
from direction_commons.jobs.services import Claim, ClaimLost, job_cancel, job_enqueue
from direction_commons.jobs.tasks import heartbeat
from tests.platform_.conftest import wait_for_a_blocked_lock

pytestmark = pytest.mark.django_db
KINDS = {"invert": 8, "refresh": 1}


def enqueue(key: str, kind: str = "invert", **more: Any) -> Job:
    return job_enqueue(kind=kind, key=key, group=more.pop("group", "g1"), **more)


def claim(queue: str = "batch") -> list[Claim]:
    return services.jobs_claim(queue=queue, batches=KINDS)


def state(job: Job) -> str:
    job.refresh_from_db()
    return job.state


def expire(*claims: Claim) -> None:
    late = Now() - timedelta(seconds=1)
    Job.objects.filter(pk__in=[one.job_id for one in claims]).update(lease_until=late)


def age(job: Job, seconds: float) -> None:
    Job.objects.filter(pk=job.pk).update(created_at=Now() - timedelta(seconds=seconds))


# --- claiming -----------------------------------------------------------------------------------------


def test_claims_by_priority_then_age_and_one_group_a_batch() -> None:
    old = enqueue("old", group="g2")
    person = [enqueue(f"p{n}") for n in range(3)]
    age(old, 60)
    age(person[2], 90)
    assert [one.key for one in claim()] == ["p2", "p0", "p1"]  # the oldest leads; g2 is not g1
    assert [one.key for one in claim()] == ["old"]
    assert claim() == []


def test_a_batch_has_at_most_the_handlers_number_of_one_kind() -> None:
    for n in range(10):
        enqueue(f"k{n}")
    enqueue("s", kind="refresh")
    assert [len(claim()) for _ in range(3)] == [8, 2, 1]


def test_demonstration_rows_come_last_in_small_batches_and_never_with_a_persons() -> None:
    for n in range(10):
        enqueue(f"d{n}", priority=Job.Priority.DEMONSTRATION)
    first = claim()
    assert [one.key for one in first] == [f"d{n}" for n in range(4)]
    enqueue("mine")
    assert [one.key for one in claim()] == ["mine"]
    assert len(claim()) == 4


def test_a_row_that_was_tried_before_is_claimed_alone() -> None:
    for n in range(3):
        enqueue(f"k{n}")
    tried = claim()[1]
    services.claim_fail(claim=tried, code="x", reason="x", retry=True, on_failed=None)
    Job.objects.filter(state="running").update(state="done")
    Job.objects.update(not_before=None)
    for n in range(3, 6):
        enqueue(f"k{n}")
    batches = [[one.key for one in claim()] for _ in range(2)]
    assert batches == [["k1"], ["k3", "k4", "k5"]]


def test_kinds_that_this_process_does_not_know_are_left_alone() -> None:
    job = enqueue("x", kind="unheard-of")
    assert claim() == []
    assert state(job) == "queued"


@pytest.mark.django_db(transaction=True)
def test_concurrent_claimers_never_get_the_same_row(other_connection: Callable[..., Any]) -> None:
    for n in range(60):
        enqueue(f"k{n}", group=f"g{n % 2}")

    def take_all() -> list[Any]:
        taken = []
        while batch := claim():
            taken += [one.job_id for one in batch]
        return taken

    found = [future.result() for future in [other_connection(take_all) for _ in range(4)]]
    everything = [job_id for one in found for job_id in one]
    assert sum(bool(one) for one in found) >= 2, "only one claimer got anything: nothing was tested"
    assert len(everything) == len(set(everything)) == 60


# --- one waiting and one running row a key ----------------------------------------------------------


def test_a_burst_makes_one_running_and_one_waiting_row() -> None:
    first = enqueue("series")
    assert enqueue("series").pk == first.pk
    (running,) = claim()
    follower = enqueue("series")
    assert enqueue("series").pk == follower.pk != running.job_id
    assert claim() == [], "the follower must wait for the running one"
    services.claim_finish(claim=running)
    assert [one.job_id for one in claim()] == [follower.pk]


def test_enqueueing_again_takes_the_more_urgent_priority_and_keeps_the_age(ada: Any) -> None:
    job = enqueue("x", priority=Job.Priority.DEMONSTRATION)
    again = enqueue("x", owner=ada)
    assert (again.priority, again.owner, again.created_at) == (10, ada, job.created_at)
    assert enqueue("x", priority=Job.Priority.DEMONSTRATION).priority == 10


@pytest.mark.django_db(transaction=True)
def test_work_that_commits_while_a_worker_claims_is_not_missed(other_connection: Callable[..., Any]) -> None:
    """An enqueue that meets a row which is being claimed must wait, and then queue a follower."""
    first = enqueue("series")
    with transaction.atomic():
        (running,) = claim()  # not committed yet
        pair = other_connection(lambda: enqueue("series"))
        wait_for_a_blocked_lock()
        assert not pair.done()
    follower = pair.result(10)
    assert running.job_id == first.pk != follower.pk
    assert (state(first), state(follower)) == ("running", "queued")


@pytest.mark.django_db(transaction=True)
def test_a_row_whose_enqueue_has_not_committed_is_skipped_and_not_waited_for(
    other_connection: Callable[..., Any],
) -> None:
    enqueue("series")
    with transaction.atomic():
        enqueue("series")
        assert other_connection(claim).result(5) == []
    assert len(claim()) == 1


# --- fencing and leases --------------------------------------------------------------------------------


def test_a_stale_worker_can_neither_renew_finish_fail_nor_return() -> None:
    enqueue("x")
    (old,) = claim()
    expire(old)
    assert services.jobs_sweep(queue="batch", hooks={}) == 1
    (new,) = claim()
    assert new.attempt == old.attempt + 1
    assert services.claims_renew(claims=[old], progress=0.5) == set()
    for write in (
        lambda: services.claim_finish(claim=old),
        lambda: services.claim_return(claim=old),
        lambda: services.claim_fail(claim=old, code="x", reason="x", retry=False, on_failed=None),
        lambda: services.claim_fail(claim=old, code="x", reason="x", retry=True, on_failed=None),
    ):
        with pytest.raises(ClaimLost):
            write()
    services.claim_finish(claim=new)


def test_a_lost_claims_results_are_rolled_back(ada: Any) -> None:
    enqueue("x")
    (mine,) = claim()
    job_cancel(kind="invert", key="x")
    batch = Batch([mine], "w")

    def finish() -> None:
        with batch.finishing(mine):
            ada.first_name = "never"
            ada.save()

    with pytest.raises(ClaimLost):
        finish()
    ada.refresh_from_db()
    assert ada.first_name == ""
    assert batch.open == []


def test_renewal_extends_the_lease_by_the_databases_clock(settings: Any) -> None:
    settings.JOB_LEASE_SECONDS = 100
    job = enqueue("x")
    (mine,) = claim()
    expire(mine)
    assert services.claims_renew(claims=[mine], progress=0.25) == {job.pk}
    left = Job.objects.annotate(now=Now()).get(pk=job.pk)
    assert left.progress == 0.25
    assert 95 < (left.lease_until - left.now).total_seconds() <= 100  # type: ignore[operator]
    assert services.jobs_sweep(queue="batch", hooks={}) == 0


def test_a_row_survives_two_killed_workers_and_fails_with_a_reason_after_the_third() -> None:
    told: list[tuple[str, str, str]] = []
    hooks = {"invert": lambda key, code, reason: told.append((key, code, reason))}
    job = enqueue("x")
    for attempt in (1, 2, 3):
        (mine,) = claim()
        assert (mine.attempt, mine.tries) == (attempt, attempt)
        expire(mine)
        assert services.jobs_sweep(queue="batch", hooks=hooks) == 1
        assert state(job) == ("failed" if attempt == 3 else "queued")
    assert [(key, code) for key, code, _ in told] == [("x", "job:no-answer")]
    assert "try again" in job.reason


def test_the_sweep_leaves_a_living_lease_and_other_queues_alone() -> None:
    job, other = enqueue("x"), enqueue("y", queue="interactive")
    claim()
    (elsewhere,) = claim("interactive")
    expire(elsewhere)
    assert services.jobs_sweep(queue="batch", hooks={}) == 0
    assert (state(job), state(other)) == ("running", "running")


@pytest.mark.django_db(transaction=True)
def test_the_sweep_passes_over_a_row_that_a_stopped_worker_still_holds() -> None:
    """A process stopped within a transaction holds its row; everybody else's must not wait for it."""
    held, free = enqueue("x"), enqueue("y")
    first, second = claim()
    expire(first, second)
    stopped = psycopg2.connect(**connection.get_connection_params())
    try:
        with stopped.cursor() as cursor:
            cursor.execute("SELECT 1 FROM jobs_job WHERE id = %s FOR UPDATE", [str(held.pk)])
            assert services.jobs_sweep(queue="batch", hooks={}) == 1
            assert (state(held), state(free)) == ("running", "queued")
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            (limit,) = cursor.fetchone()
            assert limit not in ("0", None), "the database ends such a transaction by itself"
    finally:
        stopped.close()
    assert services.jobs_sweep(queue="batch", hooks={}) == 1
    assert state(held) == "queued"


def test_a_returned_row_has_spent_nothing_and_stays_fenced() -> None:
    enqueue("x")
    for _ in range(5):
        (mine,) = claim()
        assert mine.tries == 1
        services.claim_return(claim=mine)
    assert mine.attempt == 5
    (again,) = claim()
    with pytest.raises(ClaimLost):
        services.claim_finish(claim=mine)
    services.claim_finish(claim=again)


def test_a_failed_row_with_a_follower_hands_its_spent_attempts_on() -> None:
    enqueue("x")
    (mine,) = claim()
    follower = enqueue("x")
    services.claim_fail(claim=mine, code="x", reason="x", retry=True, on_failed=None)
    assert job_of(kind="invert", key="x") == follower
    (again,) = claim()
    assert (again.job_id, again.tries, again.attempt) == (follower.pk, 2, 2)


# --- cancel --------------------------------------------------------------------------------------------


def test_cancel_of_waiting_running_and_absent_work() -> None:
    job = enqueue("x")
    assert job_cancel(kind="invert", key="x")
    assert state(job) == "cancelled"
    assert claim() == []
    running = enqueue("y")
    (mine,) = claim()
    assert job_cancel(kind="invert", key="y")
    assert state(running) == "cancelled"
    with pytest.raises(ClaimLost):
        services.claim_finish(claim=mine)
    assert not job_cancel(kind="invert", key="y")


# --- the loop around a handler ------------------------------------------------------------------------


def test_the_loop_runs_everything_and_records_what_it_cost(work: Any) -> None:
    seen: list[list[str]] = []

    @work(kind="invert", batch=8)
    def run(batch: Batch) -> None:
        seen.append([one.key for one in batch.claims])
        for one in batch.claims:
            with batch.finishing(one):
                pass

    jobs = [enqueue(f"k{n}") for n in range(3)]
    enqueue("other", group="g2")
    assert drain("batch", "w1") == 2
    assert seen == [["k0", "k1", "k2"], ["other"]]
    assert [state(job) for job in jobs] == ["done"] * 3
    assert all(job.seconds is not None and job.progress == 1.0 for job in jobs)


def test_one_poison_row_fails_alone_with_a_reference_that_the_log_has(work: Any, settings: Any) -> None:
    settings.JOB_RETRY_SECONDS = 0
    batches: list[list[str]] = []
    told: list[tuple[str, str, str]] = []

    @work(kind="invert", batch=8)
    def run(batch: Batch) -> None:
        batches.append([one.key for one in batch.claims])
        if any(one.key == "poison" for one in batch.claims):
            raise ZeroDivisionError("secret detail")
        for one in batch.claims:
            with batch.finishing(one):
                pass

    on_failed("invert")(lambda key, code, reason: told.append((key, code, reason)))
    jobs = [enqueue(key) for key in ("a", "poison", "b")]
    with capture_logs() as logs:
        drain("batch", "w")
    assert [state(job) for job in jobs] == ["done", "failed", "done"]
    assert batches[0] == ["a", "poison", "b"]
    assert all(len(batch) == 1 for batch in batches[1:])
    assert batches.count(["poison"]) == 2
    assert jobs[1].reason.startswith("Something went wrong on our side. Reference ")
    assert told == [("poison", "job:internal", jobs[1].reason)]
    crashed = [entry for entry in logs if entry["event"] == "jobs.handler-crashed"]
    assert crashed[-1]["reference"] in jobs[1].reason
    assert crashed[-1]["exc_info"]
    assert "secret" not in jobs[1].reason


def test_a_refusal_of_a_lone_row_is_final_and_told(work: Any) -> None:
    @work(kind="invert")
    def run(batch: Batch) -> None:
        raise UserError("invert:no-face", "There is no face in this picture.")

    job = enqueue("x")
    assert drain("batch", "w") == 1
    assert (state(job), job.code, job.reason) == (
        "failed",
        "invert:no-face",
        "There is no face in this picture.",
    )


def test_a_hook_that_crashes_fails_its_row_and_does_not_block_the_queue(work: Any, ada: Any) -> None:
    @work(kind="invert")
    def run(batch: Batch) -> None:
        batch.fail(batch.claims[0], "bad", code="x:y", retry=False)

    @on_failed("invert")
    def hook(key: str, code: str, reason: str) -> None:
        ada.first_name = "half written"
        ada.save()
        raise RuntimeError("the domain row could not be written")

    first, second = enqueue("x"), enqueue("y")
    with capture_logs() as logs:
        drain("batch", "w")
    assert (state(first), state(second)) == ("failed", "failed")
    assert [entry["event"] for entry in logs].count("jobs.failed-hook-crashed") == 2
    ada.refresh_from_db()
    assert ada.first_name == ""


def test_a_handler_that_forgets_a_claim_is_a_failure(work: Any, settings: Any) -> None:
    settings.JOB_MAX_ATTEMPTS = 1

    @work(kind="invert", batch=2)
    def run(batch: Batch) -> None:
        with batch.finishing(batch.claims[0]):
            pass

    done, forgotten = enqueue("a"), enqueue("b")
    drain("batch", "w")
    assert (state(done), state(forgotten)) == ("done", "failed")


def test_a_retry_waits_and_is_not_claimed_before(settings: Any) -> None:
    settings.JOB_RETRY_SECONDS = 100
    job = enqueue("x")
    services.claim_fail(claim=claim()[0], code="x", reason="x", retry=True, on_failed=None)
    assert claim() == []
    Job.objects.filter(pk=job.pk).update(not_before=Now() - timedelta(seconds=1))
    assert len(claim()) == 1


def test_sigterm_returns_the_rows_unspent_and_claims_nothing_more(work: Any) -> None:
    @work(kind="invert", batch=2)
    def run(batch: Batch) -> None:
        handling.stop()
        batch.renew(0.1)
        pytest.fail("renew must raise")

    jobs = [enqueue(f"k{n}") for n in range(3)]
    assert drain("batch", "w") == 1
    assert [state(job) for job in jobs] == ["queued"] * 3
    assert [job.attempt - job.returned for job in jobs] == [0, 0, 0]
    assert drain("batch", "w") == 0


def test_a_cancelled_row_leaves_its_batch_and_the_others_go_on(work: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Batch, "renewal_seconds", 0.0)

    @work(kind="invert", batch=2)
    def run(batch: Batch) -> None:
        job_cancel(kind="invert", key="a")
        batch.renew(0.5)
        assert [one.key for one in batch.open] == ["b"]
        for one in batch.claims:
            try:
                with batch.finishing(one):
                    pass
            except ClaimLost:
                assert one.key == "a"

    a, b = enqueue("a"), enqueue("b")
    drain("batch", "w")
    assert (state(a), state(b)) == ("cancelled", "done")


def test_a_batch_that_lost_everything_stops(work: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Batch, "renewal_seconds", 0.0)
    reached: list[str] = []

    @work(kind="invert")
    def run(batch: Batch) -> None:
        job_cancel(kind="invert", key="a")
        batch.renew(0.5)
        reached.append("after the loss")

    job = enqueue("a")
    drain("batch", "w")
    assert (reached, state(job)) == ([], "cancelled")


# --- place and time ------------------------------------------------------------------------------------


def done(kind: str, number: int, seconds: float, whole: float) -> None:
    for n in range(number):
        job = enqueue(f"done{n}", kind=kind)
        Job.objects.filter(pk=job.pk).update(
            state="done", seconds=seconds, started_at=Now() - timedelta(seconds=whole), finished_at=Now()
        )


def test_place_counts_what_runs_and_what_is_more_urgent_or_older() -> None:
    done("invert", 3, seconds=2.0, whole=10.0)
    services.worker_seen(worker="w", queue="batch")
    enqueue("running")
    claim()
    for n in range(3):
        enqueue(f"demo{n}", priority=Job.Priority.DEMONSTRATION)
    first, second = enqueue("first"), enqueue("second")
    place = job_place(second)
    assert place.ahead == 2  # the running one and `first`, not the demonstration
    assert place.seconds == pytest.approx(2 * 2.0 + 10.0, abs=0.5)
    assert job_place(first).ahead == 1
    services.worker_seen(worker="w2", queue="batch")
    assert job_place(second).seconds == pytest.approx(2 * 2.0 / 2 + 10.0, abs=0.5)


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_heard_on_each_of_its_queues(other_connection: Callable[..., Any]) -> None:
    other_connection(lambda: heartbeat(worker="w", queues=["batch", "interactive"])).result(10)
    ages = worker_ages(queues=["batch", "interactive", "none"])
    assert ages["none"] is None
    assert all(age is not None and age < 5 for age in (ages["batch"], ages["interactive"]))
    other_connection(lambda: heartbeat(worker="w", queues=["batch"])).result(10)  # still one row a queue
    assert workers_alive(queue="batch") == 1


def test_no_time_is_told_when_none_is_known() -> None:
    job = enqueue("x")
    services.worker_seen(worker="w", queue="batch")
    assert job_place(job).seconds is None, "nothing of this kind was ever finished"
    done("invert", 1, seconds=2.0, whole=2.0)
    assert job_place(job).seconds == pytest.approx(2.0, abs=0.2)
    from direction_commons.jobs.models import WorkerHeartbeat

    WorkerHeartbeat.objects.update(seen_at=Now() - timedelta(hours=1))
    assert job_place(job).seconds is None, "no worker lives"


def test_a_running_rows_time_shrinks_with_its_progress() -> None:
    done("invert", 1, seconds=2.0, whole=20.0)
    services.worker_seen(worker="w", queue="batch")
    job = enqueue("x")
    claims = claim()
    services.claims_renew(claims=claims, progress=0.75)
    job.refresh_from_db()
    assert job_place(job).ahead == 0
    assert job_place(job).seconds == pytest.approx(5.0, abs=0.3)


# --- the doorbell --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_doorbell_rings_on_commit_and_not_after_a_rollback(monkeypatch: Any) -> None:
    rung: list[str] = []
    monkeypatch.setattr(services, "doorbell_ring", lambda *, queue: rung.append(queue))
    with transaction.atomic():
        enqueue("x")
        assert rung == []
    assert rung == ["batch"]

    def rolled_back() -> None:
        with transaction.atomic():
            enqueue("y")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        rolled_back()
    assert rung == ["batch"]


AWAY = """
import time, django
django.setup()
from django.core.cache import cache
from direction_commons.jobs import handling, services
from direction_commons.jobs.models import Job
from django.db import transaction
services.doorbell_ring(queue="warm-up")
services._quiet_until = 0.0
began = time.monotonic()
with transaction.atomic():
    services.job_enqueue(kind="invert", key="first")
first = time.monotonic() - began
assert services._quiet_until > 0, "the broker answered: nothing was tested"
began = time.monotonic()
for n in range(20):
    services.job_enqueue(kind="invert", key=f"k{n}")
    cache.get("throttle")
print(first, time.monotonic() - began, Job.objects.filter(state="queued").count())
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("silent", [False, True])
def test_without_valkey_work_is_accepted_at_once(silent: bool) -> None:
    """Valkey that is stopped refuses connections; one that hangs accepts them and says nothing."""
    from tests.conftest import test_database_url

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if silent:
            server.listen(64)
        env = os.environ | {
            "DIRECTION_COMMONS_VALKEY_URL": f"redis://127.0.0.1:{server.getsockname()[1]}/0",
            "DIRECTION_COMMONS_DATABASE_URL": test_database_url(),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        out = subprocess.run(
            [sys.executable, "-c", AWAY], env=env, capture_output=True, text=True, timeout=60
        )
    assert out.returncode == 0, out.stderr
    first, more, queued = (float(word) for word in out.stdout.split())
    assert first < (4.0 if silent else 1.0)
    assert more < 3.0
    assert queued == 21
