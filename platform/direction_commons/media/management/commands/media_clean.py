"""`manage.py media_clean`: deletes files that no row names, and pictures that nothing holds."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from direction_commons.media.services import images_clean


class Command(BaseCommand):
    help = "Delete files that no row names (a request died half way), and pictures that nothing holds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            type=int,
            default=24 * 3600,
            metavar="SECONDS",
            help="leave alone what is younger: a request may be at work on it (default: a day)",
        )

    def handle(self, *args: Any, older_than: int, **options: Any) -> None:
        rows, files = images_clean(older_than=older_than)
        self.stdout.write(f"{rows} pictures that nothing held and {files} files without a row deleted.")
