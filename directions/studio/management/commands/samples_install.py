"""Make the tray's single pictures the studio's sample faces: public photos of nobody, inverted like any.

Does nothing where they exist already, and asks for inversions on generators that came since. Run it at
every start.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from directions.studio.services import sample_create
from directions.tray import tray


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        made = [
            single.key
            for single in tray().singles
            if sample_create(sample=single.key, title=single.title, data=single.picture.read())[1]
        ]
        if made:
            self.stdout.write(f"New sample faces: {', '.join(made)}.")
