"""What the studio does when a generator comes: its sample faces are read on it, before anybody asks.

People's own photos wait until they open them: nobody may look at most of them again.
"""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from directions.generators.models import Generator
from directions.generators.signals import generator_registered
from directions.studio.selectors import sample_photos
from directions.studio.services import photo_prepare


@receiver(generator_registered)
def read_samples(*, generator: Generator, **_: Any) -> None:
    for photo in sample_photos():
        photo_prepare(photo=photo, generator=generator)
