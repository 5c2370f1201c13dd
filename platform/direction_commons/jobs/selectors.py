"""Reads of the queue: where a job is, how long it will honestly take, who works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, ExpressionWrapper, F, FloatField, Q
from django.db.models.functions import Extract, Now

from direction_commons.jobs.models import Job, WorkerHeartbeat

RECENT = 50
"""So many of a kind's last finished rows tell what one costs."""

SILENT_AFTER = 30
"""Seconds without a heartbeat (they come every five) after which a worker is taken to be gone."""


@dataclass(frozen=True)
class Place:
    """`ahead`: rows that run or will be claimed before this one. `seconds`: to its end; None: unknown."""

    ahead: int
    seconds: float | None


def job_of(*, kind: str, key: str) -> Job | None:
    """The latest job about (kind, key), ended or not."""
    return Job.objects.filter(kind=kind, key=key).order_by("-created_at").first()


def job_place(job: Job) -> Place:
    """Place in the queue and time to the end, from what rows of each kind ahead have recently cost.

    Unknown without a living worker on the queue, and before one row of each kind ahead was ever finished.
    """
    workers = workers_alive(queue=job.queue)
    if job.state == Job.State.RUNNING:
        whole = _latency(job.kind)
        return Place(0, None if whole is None or not workers else max(1.0, whole * (1.0 - job.progress)))
    if job.state != Job.State.QUEUED:
        return Place(0, 0.0)
    before = Q(state=Job.State.QUEUED) & (
        Q(priority__lt=job.priority) | Q(priority=job.priority, created_at__lt=job.created_at)
    )
    rows = Job.objects.filter(before | Q(state=Job.State.RUNNING), queue=job.queue)
    ahead = dict(rows.order_by().values_list("kind").annotate(count=Count("pk")))
    own, costs = _latency(job.kind), {kind: _cost(kind) for kind in ahead}
    number = sum(ahead.values())
    if own is None or not workers or None in costs.values():
        return Place(number, None)
    return Place(number, own + sum(count * (costs[kind] or 0.0) for kind, count in ahead.items()) / workers)


def _cost(kind: str) -> float | None:
    """Seconds of a worker's time per row (its share of the batch)."""
    return _mean(kind, F("seconds"))


def _latency(kind: str) -> float | None:
    """Seconds from claim to end (the whole batch)."""
    return _mean(kind, Extract(F("finished_at") - F("started_at"), "epoch"))


def _mean(kind: str, seconds: F | Extract) -> float | None:
    done = Job.objects.filter(kind=kind, state=Job.State.DONE, seconds__isnull=False).order_by("-finished_at")
    measured = ExpressionWrapper(seconds, output_field=FloatField())
    values = list(done.annotate(measured=measured).values_list("measured", flat=True)[:RECENT])
    return sum(values) / len(values) if values else None


def workers_alive(*, queue: str) -> int:
    """Workers of the queue whose process was heard lately; a hung job is its lease's business."""
    return sum(1 for age in _ages(queue) if age < SILENT_AFTER)


def _ages(queue: str) -> list[float]:
    age = ExpressionWrapper(Extract(Now() - F("seen_at"), "epoch"), output_field=FloatField())
    return list(WorkerHeartbeat.objects.filter(queue=queue).annotate(age=age).values_list("age", flat=True))


def worker_ages(*, queues: Sequence[str]) -> dict[str, float | None]:
    """Seconds since a worker of each queue was last heard; None: never."""
    return {queue: min(_ages(queue), default=None) for queue in queues}
