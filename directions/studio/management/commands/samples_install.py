"""Make the tray's single pictures the studio's sample faces: public photos of nobody, inverted like any.

A face whose file is another one than it was is renewed; the others stay, and are read by generators that came
since. Run it at every start.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from directions.studio.services import sample_install
from directions.tray import tray


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        new = [
            single.key
            for single in tray().singles
            if sample_install(sample=single.key, title=single.title, data=single.picture.read())[1]
        ]
        if new:
            self.stdout.write(f"New or renewed sample faces: {', '.join(new)}.")
