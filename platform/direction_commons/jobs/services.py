"""Every write to the queue: enqueue, cancel, claim, renew, finish, retry-or-fail, return, sweep.

The table is the truth and Celery's message only says "look". This module knows no kind of work and runs none
(see `handling`); it never reads a clock of its own (all times are the database's); and it never takes a job's
row lock before the lock of what the job is about: *domain rows first, job row last*, in a cancel by a person
and in a finish by a worker alike, so that the two cannot deadlock.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from celery import current_app
from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from direction_commons.accounts.models import User
from direction_commons.jobs.models import Job, WorkerHeartbeat

log = structlog.get_logger(__name__)

RING = "jobs.ring"
"""The doorbell's name: who rings knows the name alone, and not what hears it (`tasks`)."""

BACKGROUND_BATCH = 4
"""Most rows of the lowest priority that are claimed at once: a person waits for one such batch at most."""

FailedHook = Callable[[str, str, str], None]
"""(key, code, reason) -> None; called inside the transaction in which the job's row becomes `failed`."""


@dataclass(frozen=True)
class Claim:
    """One claimed row. `(job_id, attempt)` is the fence: whoever holds an older attempt can write nothing."""

    job_id: uuid.UUID
    kind: str
    key: str
    queue: str
    group: str
    priority: int
    attempt: int
    tries: int  # how many of the row's attempts are spent, this one included
    owner_id: uuid.UUID | None


class ClaimLost(Exception):
    """The row is no longer ours: cancelled, or its lease ran out and another worker has it."""


def job_enqueue(
    *,
    kind: str,
    key: str,
    queue: str = "batch",
    group: str = "",
    priority: int = Job.Priority.PERSON,
    owner: User | None = None,
) -> Job:
    """Queues (kind, key) unless it is queued already (a running one gets one follower), and rings on commit.

    `DO UPDATE` and not `DO NOTHING`: it waits for a worker that is just claiming the queued row, and then
    inserts a new one, so that work which came after the claim is not missed. An already queued row keeps its
    age and takes the more urgent of the two priorities (and with it the owner who is waiting).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO jobs_job AS job (id, kind, key, queue, "group", priority, state, attempt, returned,
                                         worker, progress, code, reason, owner_id)
            VALUES (%s, %s, %s, %s, %s, %s, 'queued', 0, 0, '', 0, '', '', %s)
            ON CONFLICT (kind, key) WHERE state = 'queued'
            DO UPDATE SET priority = LEAST(job.priority, EXCLUDED.priority),
                          owner_id = CASE WHEN EXCLUDED.priority < job.priority THEN EXCLUDED.owner_id
                                          ELSE job.owner_id END
            RETURNING id
            """,
            [uuid.uuid4(), kind, key, queue, group, int(priority), owner.pk if owner else None],
        )
        (job_id,) = cursor.fetchone()
    transaction.on_commit(lambda: doorbell_ring(queue=queue), robust=True)
    return Job.objects.get(pk=job_id)


def job_cancel(*, kind: str, key: str) -> bool:
    """Cancels what is queued or running of (kind, key), if anything is; its worker finds the claim lost."""
    return bool(
        Job.objects.filter(kind=kind, key=key, state__in=[Job.State.QUEUED, Job.State.RUNNING]).update(
            state=Job.State.CANCELLED, lease_until=None, finished_at=Now()
        )
    )


_quiet_until = 0.0


def doorbell_ring(*, queue: str) -> None:
    """Says "look" to the queue's workers, or fails within a second or so; the row is safe either way.

    When the broker is down the next five seconds are not even tried: beat rings every 15 s anyhow, and a
    person's request must not wait for a broker.
    """
    global _quiet_until
    if time.monotonic() < _quiet_until:
        return
    try:
        current_app.send_task(RING, [queue], queue=queue, expires=15, retry=False, ignore_result=True)
    except Exception as exc:
        _quiet_until = time.monotonic() + 5.0
        log.warning("jobs.doorbell-lost", queue=queue, error=repr(exc))


def jobs_claim(*, queue: str, batches: dict[str, int], worker: str = "") -> list[Claim]:
    """Claims the next rows of one (kind, group), by priority then age; [] when there is nothing to do.

    Args:
        batches: the kinds that this process can run, each with the most rows it takes at once.

    The first row in line decides what is claimed. If it was tried before it comes alone (it may be what broke
    its batch); otherwise it brings further fresh rows of its kind, group and class: background rows (lowest
    priority) at most `BACKGROUND_BATCH`, and never together with a person's.
    """
    twin_runs = Job.objects.filter(kind=OuterRef("kind"), key=OuterRef("key"), state=Job.State.RUNNING)
    ready = (
        Job.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(~Exists(twin_runs), Q(not_before=None) | Q(not_before__lte=Now()))
        .filter(queue=queue, state=Job.State.QUEUED, kind__in=list(batches))
        .order_by("priority", "created_at", "id")
    )
    with transaction.atomic():
        lead = ready.first()
        if lead is None:
            return []
        rows = [lead]
        background = lead.priority >= Job.Priority.DEMONSTRATION
        most = min(batches[lead.kind], BACKGROUND_BATCH) if background else batches[lead.kind]
        if lead.attempt == lead.returned and most > 1:
            same = ready.filter(kind=lead.kind, group=lead.group, attempt=F("returned")).exclude(pk=lead.pk)
            same_class = Q(priority__gte=Job.Priority.DEMONSTRATION)
            rows += same.filter(same_class if background else ~same_class)[: most - 1]
        Job.objects.filter(pk__in=[row.pk for row in rows]).update(
            state=Job.State.RUNNING,
            worker=worker,
            attempt=F("attempt") + 1,
            progress=0.0,
            started_at=Now(),
            lease_until=Now() + timedelta(seconds=settings.JOB_LEASE_SECONDS),
        )
    return [_claim_of(row, attempt=row.attempt + 1) for row in rows]


def _claim_of(row: Job, *, attempt: int) -> Claim:
    return Claim(
        job_id=row.pk,
        kind=row.kind,
        key=row.key,
        queue=row.queue,
        group=row.group,
        priority=row.priority,
        attempt=attempt,
        tries=attempt - row.returned,
        owner_id=row.owner_id,
    )


def claims_renew(*, claims: Iterable[Claim], progress: float) -> set[uuid.UUID]:
    """Extends the leases and answers the ids of the rows that are still ours."""
    ours = Q()
    for claim in claims:
        ours |= Q(pk=claim.job_id, attempt=claim.attempt)
    running = Job.objects.filter(ours, state=Job.State.RUNNING)
    with transaction.atomic():
        kept = set(running.select_for_update().order_by("pk").values_list("pk", flat=True))
        Job.objects.filter(pk__in=kept).update(
            lease_until=Now() + timedelta(seconds=settings.JOB_LEASE_SECONDS), progress=progress
        )
    return kept


def claim_finish(*, claim: Claim) -> None:
    """The fenced end, as the last statement of the transaction that holds the results. Raises ClaimLost."""
    if not _fenced(claim).update(
        state=Job.State.DONE, lease_until=None, progress=1.0, code="", reason="", finished_at=Now()
    ):
        raise ClaimLost(f"{claim.kind} {claim.key}, attempt {claim.attempt}")


def claim_fail(
    *, claim: Claim, code: str, reason: str, retry: bool, on_failed: FailedHook | None, expired: bool = False
) -> bool:
    """Back to the queue while `retry` and attempts are left, else `failed`, together with what it is about.

    `expired=True` (the sweep) touches the row only if its lease has run out. Answers whether it is failed for
    good. Raises ClaimLost, with everything rolled back.
    """
    again = retry and claim.tries < settings.JOB_MAX_ATTEMPTS
    late = Q(lease_until__lt=Now()) if expired else Q()
    with transaction.atomic():
        if again:
            wait = timedelta(seconds=0 if expired else settings.JOB_RETRY_SECONDS * claim.tries)
            _requeue(claim, late, code=code, reason=reason, not_before=Now() + wait)
            return False
        if on_failed is not None:
            _tell(on_failed, claim, code, reason)
        if (
            not _fenced(claim)
            .filter(late)
            .update(state=Job.State.FAILED, lease_until=None, code=code, reason=reason, finished_at=Now())
        ):
            raise ClaimLost(f"{claim.kind} {claim.key}, attempt {claim.attempt}")
        return True


def _tell(on_failed: FailedHook, claim: Claim, code: str, reason: str) -> None:
    """A hook that crashes must not keep the row claimed: it would come back for ever, ahead of all others."""
    try:
        with transaction.atomic():
            on_failed(claim.key, code, reason)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("jobs.failed-hook-crashed", kind=claim.kind, key=claim.key)


def claim_return(*, claim: Claim) -> None:
    """Gives a row back without spending its attempt (the worker was asked to stop). Raises ClaimLost."""
    with transaction.atomic():
        _requeue(claim, Q(), returned=F("returned") + 1)


def _fenced(claim: Claim) -> QuerySet[Job]:
    return Job.objects.filter(pk=claim.job_id, attempt=claim.attempt, state=Job.State.RUNNING)


def _requeue(claim: Claim, late: Q, **changes: object) -> None:
    """running -> queued; where a follower waits already, it inherits what was spent and this row ends."""
    row = _fenced(claim).filter(late)
    try:
        with transaction.atomic():
            touched = row.update(state=Job.State.QUEUED, lease_until=None, progress=0.0, **changes)
    except IntegrityError:  # jobs_one_queued_a_key
        touched = row.update(
            state=Job.State.CANCELLED, lease_until=None, code="job:superseded", finished_at=Now()
        )
        spent = {"attempt": claim.attempt, "returned": claim.attempt - claim.tries + ("returned" in changes)}
        Job.objects.filter(kind=claim.kind, key=claim.key, state=Job.State.QUEUED).update(**spent)
    if not touched:
        raise ClaimLost(f"{claim.kind} {claim.key}, attempt {claim.attempt}")


def jobs_sweep(*, queue: str, hooks: dict[str, FailedHook]) -> int:
    """Takes back rows whose lease ran out (worker killed or hung); after their third attempt they fail.

    A worker that was stopped within a transaction still holds its row: it is passed over, so that it keeps
    nobody else waiting, until the database ends that transaction (`idle_in_transaction_session_timeout`).
    """
    swept = 0
    late = Job.objects.filter(queue=queue, state=Job.State.RUNNING, lease_until__lt=Now())
    for pk in list(late.order_by("lease_until").values_list("pk", flat=True)):
        try:
            with transaction.atomic():
                row = late.select_for_update(skip_locked=True).filter(pk=pk).first()
                if row is None:  # held, swept by somebody else, or its worker renewed after all
                    continue
                claim = _claim_of(row, attempt=row.attempt)
                failed = claim_fail(
                    claim=claim,
                    code="job:no-answer",
                    reason="The machine that worked on this stopped answering. Please try again.",
                    retry=True,
                    on_failed=hooks.get(row.kind),
                    expired=True,
                )
        except ClaimLost:
            continue
        swept += 1
        log.warning("jobs.lease-expired", job=str(row.pk), kind=row.kind, key=row.key, failed=failed)
    return swept


def worker_started(*, worker: str) -> int:
    """A worker of this name begins: what an earlier one of the name still holds is swept without waiting.

    Names are unique among living workers (Celery asks for that); where they are not, the fence still holds.
    """
    return Job.objects.filter(worker=worker, state=Job.State.RUNNING).update(
        lease_until=Now() - timedelta(seconds=1)
    )


def jobs_timed(*, job_ids: Iterable[uuid.UUID], seconds: float) -> None:
    """Notes what each row of a finished batch cost, for honest waiting times."""
    Job.objects.filter(pk__in=list(job_ids), state=Job.State.DONE).update(seconds=seconds)


def worker_seen(*, worker: str, queue: str) -> None:
    """The one heartbeat, of the process: for /healthz and for waiting times. The work's own is its lease."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO jobs_workerheartbeat (worker, queue) VALUES (%s, %s)"
            " ON CONFLICT (worker, queue) DO UPDATE SET seen_at = now()",
            [worker, queue],
        )


def jobs_forget(*, days: int = 30) -> int:
    """Deletes rows that ended long ago, and heartbeats of workers that are gone."""
    ended = [Job.State.DONE, Job.State.FAILED, Job.State.CANCELLED]
    WorkerHeartbeat.objects.filter(seen_at__lt=Now() - timedelta(days=1)).delete()
    return Job.objects.filter(state__in=ended, finished_at__lt=Now() - timedelta(days=days)).delete()[0]
