"""Rung by beat: what requests that died half way have left behind."""

from __future__ import annotations

from celery import shared_task

from direction_commons.media.services import images_clean


@shared_task(name="media.clean", ignore_result=True)
def clean() -> None:
    images_clean(older_than=24 * 3600)
