"""What a local start needs in the database and on disk; safe to run again at any time."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = (
        "Migrates, collects static files, registers the embedded generator and makes the operator's account."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-static", action="store_true", help="static files are already in the image")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=1)
        if not options["no_static"]:
            call_command("collectstatic", interactive=False, verbosity=1)
        for command in settings.LOCAL_PREPARE_COMMANDS:
            call_command(*command)
        self.make_operator(os.environ["DIRECTION_COMMONS_OPERATOR_PASSWORD"])

    def make_operator(self, password: str) -> None:
        """An existing account keeps its password."""
        users = get_user_model()._default_manager
        if not users.filter(username="operator").exists():
            users.create_superuser("operator", "operator@localhost", password)
