"""Importing the settings makes our Celery app the current one: the web process rings the right broker."""

from direction_commons.config.celery import app as celery_app

__all__ = ["celery_app"]
