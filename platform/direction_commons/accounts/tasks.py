"""Rung by beat: sessions that have run out."""

from __future__ import annotations

from celery import shared_task
from django.core.management import call_command


@shared_task(name="accounts.clear-sessions", ignore_result=True)
def clear_sessions() -> None:
    call_command("clearsessions")
