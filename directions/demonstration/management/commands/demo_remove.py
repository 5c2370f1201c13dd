"""`manage.py demo_remove`: take the demonstration community away, and nothing else."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from directions.demonstration.services import demonstration_remove


class Command(BaseCommand):
    help = (
        "Remove the demonstration people with their pairs, pictures, series and versions, and nothing else."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        gone = demonstration_remove()
        self.stdout.write("Removed: " + ", ".join(f"{count} {what}" for what, count in gone.items()) + ".")
