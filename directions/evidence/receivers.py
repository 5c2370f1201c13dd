"""What happens when a generator is registered: a report that came with the program becomes its evidence."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.dispatch import receiver

from directions.evidence.services import shipped_reports_import
from directions.generators.signals import generator_registered


@receiver(generator_registered)
def take_what_was_shipped(**_: Any) -> None:
    """After the commit: pictures are written before their transaction, and nobody waits for them."""
    transaction.on_commit(_import, robust=True)


def _import() -> None:
    shipped_reports_import()
