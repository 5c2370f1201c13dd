"""`manage.py generator_register portraits` (or a bundle's folder); doing it again changes nothing."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from direction_commons.errors import UserError
from directions.generators.services import generator_make_default, generator_register
from inference.embedded import EMBEDDED


class Command(BaseCommand):
    help = (
        "Register a generator's bundle. Afterwards `manage.py derive` computes everybody's directions on it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        names = ", ".join(EMBEDDED)
        parser.add_argument("location", help=f"an embedded bundle's name ({names}) or a bundle's folder")
        parser.add_argument("--default", action="store_true", help="make it the default")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            generator = generator_register(location=options["location"])
            if options["default"]:
                generator_make_default(generator=generator)
        except UserError as error:
            raise CommandError(f"{error.message} {error.todo}") from error
        self.stdout.write(f"{generator.slug}: {generator.title}, digest {generator.digest}")
