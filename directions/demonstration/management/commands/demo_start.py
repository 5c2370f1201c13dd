"""`manage.py demo_start`: plan the demonstration community; workers fill it in at the lowest priority."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from directions.demonstration.services import demonstration_start


class Command(BaseCommand):
    help = "Start (or go on with) the demonstration community. Quick: it only plans. Repeating is harmless."

    def handle(self, *args: Any, **options: Any) -> None:
        left = demonstration_start()
        self.stdout.write(
            f"{left} demonstration pairs are still to be contributed." if left else "It is complete."
        )
