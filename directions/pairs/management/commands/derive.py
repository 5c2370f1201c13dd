"""`manage.py derive [--generator SLUG]`: queue the directions that the stored pairs lack."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from direction_commons.errors import UserError
from directions.generators.access import access_generator
from directions.generators.selectors import active_generators
from directions.pairs.derivation import directions_rederive


class Command(BaseCommand):
    help = "Derive everybody's pairs on a generator (all active ones when none is named). Harmless to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--generator", metavar="SLUG", help="only this generator")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            named = options["generator"]
            for generator in [access_generator(named)] if named else active_generators():
                queued = directions_rederive(generator=generator)
                self.stdout.write(f"{generator.slug}: {queued} directions queued.")
        except UserError as error:
            raise CommandError(f"{error.message} {error.todo}") from error
