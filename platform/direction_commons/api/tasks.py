"""Rung by beat: answers that no client waits for any more."""

from __future__ import annotations

from celery import shared_task

from direction_commons.api.idempotency import keys_forget


@shared_task(name="api.forget", ignore_result=True)
def forget() -> None:
    keys_forget()
