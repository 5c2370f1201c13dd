"""What happens here when a generator comes, or an opinion goes. Runs inside that transaction."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete
from django.dispatch import receiver

from directions.discover.models import Opinion
from directions.discover.services import components_request, name_forget_later
from directions.generators.models import Generator
from directions.generators.signals import generator_registered


@receiver(generator_registered)
def find(*, generator: Generator, **_: Any) -> None:
    components_request(generator=generator)


@receiver(post_delete, sender=Opinion)
def forget(*, instance: Opinion, **_: Any) -> None:
    if instance.semantic_id is not None:
        name_forget_later(semantic_id=instance.semantic_id)
