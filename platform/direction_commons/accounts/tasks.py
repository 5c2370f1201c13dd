"""Rung by beat: sessions that have run out, counts of days that are over."""

from __future__ import annotations

from celery import shared_task
from django.core.management import call_command

from direction_commons.accounts.quotas import usage_forget


@shared_task(name="accounts.clear-sessions", ignore_result=True)
def clear_sessions() -> None:
    call_command("clearsessions")


@shared_task(name="accounts.forget-usage", ignore_result=True)
def forget_usage() -> None:
    usage_forget()
