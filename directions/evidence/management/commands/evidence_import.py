"""`manage.py evidence_import GENERATOR DIR`: what `python -m inference evaluate` wrote becomes a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from direction_commons.errors import UserError
from directions.evidence.services import report_import
from directions.generators.access import access_generator
from directions.generators.selectors import generator_list


class Command(BaseCommand):
    help = "Show a report of `python -m inference evaluate` under /evidence/, in place of an older one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("generator", help="the generator's slug, as /generators/ shows it")
        parser.add_argument("folder", type=Path, metavar="DIR", help="what --report named")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            generator = access_generator(options["generator"])
        except UserError as error:
            known = ", ".join(one.slug for one in generator_list()) or "none yet"
            raise CommandError(
                f"There is no generator {options['generator']!r}; registered: {known}."
            ) from error
        try:
            report, is_new = report_import(generator=generator, folder=options["folder"])
        except UserError as error:
            raise CommandError(f"{error.message} {error.todo}") from error
        address = reverse("evidence:report", args=[generator.slug])
        done = "is shown at" if is_new else "was there already, at"
        self.stdout.write(f"The report of {report.measured_at:%Y-%m-%d} {done} {address}")
