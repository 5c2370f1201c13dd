"""The Celery application. Messages are doorbells: see `direction_commons.jobs`."""

from __future__ import annotations

import logging.config
import os
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
