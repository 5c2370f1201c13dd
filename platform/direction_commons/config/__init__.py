"""Importing the settings makes the Celery app the current one, so that the web process rings the right broker."""

from direction_commons.config.celery import app as celery_app

__all__ = ["celery_app"]
