"""`manage.py evidence_install`: the reports that came with the program, for the generators that are here.

Run it at every start; what is there already is left alone.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from directions.evidence.services import shipped_reports_import


class Command(BaseCommand):
    help = "Import the reports under docs/evidence/ whose generators are registered."

    def handle(self, *args: Any, **options: Any) -> None:
        imported, refused = shipped_reports_import()
        for report in imported:
            self.stdout.write(f"{report.generator.slug}: the report of {report.measured_at:%Y-%m-%d}.")
        for error in refused:
            self.stderr.write(f"A shipped report was passed over: {error.message} {error.todo}")
