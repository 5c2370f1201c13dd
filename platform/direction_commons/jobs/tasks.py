"""The doorbell: the one Celery task of the queue. It carries no work; it says "look at the table"."""

from __future__ import annotations

import threading
import time
from typing import Any

import structlog
from celery import Task, shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.db import Error, connection

from direction_commons.jobs import handling, services

log = structlog.get_logger(__name__)
HEARTBEAT_SECONDS = 5


@shared_task(bind=True, name=services.RING, ignore_result=True)
def ring(task: Task[[str], int], queue: str) -> int:
    """Drains the queue."""
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


@worker_ready.connect
def _start_heartbeat(sender: Any, **_: Any) -> None:
    queues = list(sender.app.amqp.queues.consume_from)

    def beat() -> None:
        while True:
            heartbeat(worker=sender.hostname, queues=queues)
            time.sleep(HEARTBEAT_SECONDS)

    threading.Thread(target=beat, name="heartbeat", daemon=True).start()


def heartbeat(*, worker: str, queues: list[str]) -> None:
    """Says that this process lives; while the database is away, nobody could hear it."""
    try:
        for queue in queues:
            services.worker_seen(worker=worker, queue=queue)
    except Error as error:
        log.debug("jobs.heartbeat-failed", error=repr(error))
    finally:
        connection.close()  # a worker holds one connection, that of its work


@worker_shutting_down.connect
def _stop_working(**_: Any) -> None:
    handling.stop()
