"""The Celery application. Messages are doorbells: see `direction_commons.jobs`."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "direction_commons.config.settings")
app = Celery("direction_commons")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
