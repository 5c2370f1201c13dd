"""The doorbell: the one Celery task of the queue. It carries no work; it says "look at the table"."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task
from celery.signals import worker_ready, worker_shutting_down

from direction_commons.jobs import handling, services


@shared_task(bind=True, name="jobs.ring", ignore_result=True)
def ring(task: Task[[str], int], queue: str) -> int:
    """Drains the queue; also the heartbeat of a worker that has nothing to do."""
    return handling.drain(queue, worker=task.request.hostname or "here")


@shared_task(name="jobs.forget", ignore_result=True)
def forget() -> None:
    services.jobs_forget()


@worker_ready.connect
def _begin(sender: Any, **_: Any) -> None:
    """Takes back what this worker held when it was killed, and looks once at each of its queues."""
    services.worker_started(worker=sender.hostname)
    for queue in sender.app.amqp.queues.consume_from:
        services.doorbell_ring(queue=queue)


@worker_shutting_down.connect
def _stop_working(**_: Any) -> None:
    handling.stop()
