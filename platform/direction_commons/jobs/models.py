"""The queue is this table; Celery only rings the doorbell."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Job(models.Model):
    """One piece of work, written in the transaction of what it is about.

    `(kind, key)` says what: at most one queued and one running row each (a burst makes one running and one
    waiting). `group` says with whom it can share a batch (a generator's id). Times are the database's.
    `attempt` counts claims and never goes down, because results are fenced by it; `returned` counts the
    claims that were given back through no fault of the row (a worker was asked to stop), so that `attempt -
    returned` is what the row has spent of its three.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Priority(models.IntegerChoices):
        """Lower runs first."""

        PERSON = 10
        REFRESH = 20
        DEMONSTRATION = 90

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=100)
    queue = models.CharField(max_length=40)
    group = models.CharField(max_length=100, blank=True, default="")
    priority = models.SmallIntegerField(default=Priority.PERSON)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    returned = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True, help_text="a retry waits until then")
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=120, blank=True, default="", help_text="who claimed it last")
    progress = models.FloatField(default=0.0)
    code = models.CharField(max_length=60, blank=True, default="", help_text="stable id of the reason")
    reason = models.TextField(blank=True, default="", help_text="what the person is told")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="jobs"
    )
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True, help_text="the batch's wall time over its rows")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key"], condition=models.Q(state="queued"), name="jobs_one_queued_a_key"
            ),
            models.UniqueConstraint(
                fields=["kind", "key"], condition=models.Q(state="running"), name="jobs_one_running_a_key"
            ),
        ]
        indexes = [
            models.Index(
                fields=["queue", "priority", "created_at"],
                condition=models.Q(state="queued"),
                name="jobs_queued",
            ),
            models.Index(fields=["lease_until"], condition=models.Q(state="running"), name="jobs_leases"),
            models.Index(fields=["kind", "key", "-created_at"], name="jobs_by_key"),
            models.Index(fields=["kind", "-finished_at"], condition=models.Q(state="done"), name="jobs_done"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} {self.state}"


class WorkerHeartbeat(models.Model):
    """When a worker of a queue was last heard: its process says so every few seconds, at work or not."""

    worker = models.CharField(max_length=120)
    queue = models.CharField(max_length=40)
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["worker", "queue"], name="jobs_one_heartbeat_a_worker")
        ]

    def __str__(self) -> str:
        return f"{self.worker} on {self.queue}"
