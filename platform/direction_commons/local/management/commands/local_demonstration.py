"""What a local start does once pages answer: the commands that settings name, in order."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Starts the demonstration community."

    def handle(self, *args: Any, **options: Any) -> None:
        for command in settings.LOCAL_READY_COMMANDS:
            call_command(*command)
