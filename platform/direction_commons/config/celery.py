"""The Celery application. Messages are doorbells: see `direction_commons.jobs`."""

from __future__ import annotations

import logging.config
import os
import threading
import time
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "direction_commons.config.settings")
app = Celery("direction_commons")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def use_our_logging(**_: Any) -> None:
    """Celery would put its own handlers in place of those in the settings."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)


@signals.worker_ready.connect
def start_heartbeat(sender: Any, **_: Any) -> None:
    """Says every few seconds that this process lives, for `/healthz`; a hung job is the lease's business."""
    from django.core.cache import caches

    from direction_commons.config.health import HEARTBEAT_SECONDS, heartbeat_key

    keys = [heartbeat_key(queue) for queue in sender.app.amqp.queues.consume_from]

    def beat() -> None:
        while True:
            try:
                caches["valkey"].set_many(dict.fromkeys(keys, time.time()), timeout=600)
            except Exception:  # Valkey is away: /healthz says so itself, and we try again
                logging.getLogger(__name__).debug("heartbeat failed", exc_info=True)
            time.sleep(HEARTBEAT_SECONDS)

    threading.Thread(target=beat, name="heartbeat", daemon=True).start()
