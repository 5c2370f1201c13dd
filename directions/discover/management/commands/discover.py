"""`manage.py discover [--generator SLUG] [-k N]`: queue the search for changes that nobody showed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from direction_commons.errors import UserError
from directions.discover.services import components_request
from directions.generators.access import access_generator
from directions.generators.selectors import active_generators


class Command(BaseCommand):
    help = "Find components on a generator (all active ones when none is named). Harmless to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--generator", metavar="SLUG", help="only this generator")
        parser.add_argument("-k", "--components", type=int, metavar="N", help="so many of each finder")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            named = options["generator"]
            for generator in [access_generator(named)] if named else active_generators():
                queued = components_request(generator=generator, count=options["components"])
                self.stdout.write(f"{generator.slug}: {queued} jobs queued.")
        except UserError as error:
            raise CommandError(f"{error.message} {error.todo}") from error
