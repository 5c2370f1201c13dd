"""Drive a running instance from outside, through its public API: smoke test and example client."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = (
        "Signs up on a running instance, contributes two pairs, waits, edits a held-out portrait with them, "
        "and writes the PNGs and report.md."
    )
    requires_system_checks: list[str] = []  # no database is needed here

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", required=True, help="where it runs, such as http://127.0.0.1:8000")
        parser.add_argument("--out", type=Path, help="folder for PNGs and report.md; else a temporary one")
        parser.add_argument("--timeout", type=float, default=900.0, help="seconds to wait for any one thing")
        parser.add_argument("--erase", action="store_true", help="delete the account again at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        from directions.home.client import WalkthroughFailed
        from directions.home.walkthrough import Walkthrough

        out = options["out"] or Path(tempfile.mkdtemp(prefix="walkthrough-"))
        walk = Walkthrough(
            url=options["url"],
            out=out,
            say=self.stdout.write,
            timeout=options["timeout"],
            erase=options["erase"],
        )
        try:
            walk.run()
        except WalkthroughFailed as failed:
            raise CommandError(str(failed)) from failed
        self.stdout.write(self.style.SUCCESS("Everything is as it should be."))
