"""The tray: ready pictures for the stranger who has none at hand. static/tray/ holds the files and tray.json.

They are ordinary pictures that take the ordinary way (upload, inversion): no code, direction or strip comes
with them. `manage.py tray_render` made them once; nothing here needs the renderer. The lowest
room: it knows no other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from direction_commons.errors import NotFound

FOLDER = Path(__file__).resolve().parents[2] / "static" / "tray"


@dataclass(frozen=True)
class TrayPicture:
    """One file of static/tray/ and what it shows, in words."""

    file: str
    alt: str

    @property
    def static_path(self) -> str:
        """What `{% static %}` takes."""
        return f"tray/{self.file}"

    def read(self) -> bytes:
        return (FOLDER / self.file).read_bytes()


@dataclass(frozen=True)
class TrayPair:
    """A before and an after of one drawn person."""

    key: str
    change: str
    before: TrayPicture
    after: TrayPicture


@dataclass(frozen=True)
class TraySingle:
    """One drawn person, to edit."""

    key: str
    title: str
    picture: TrayPicture


@dataclass(frozen=True)
class Tray:
    pairs: tuple[TrayPair, ...]
    singles: tuple[TraySingle, ...]


@cache
def tray() -> Tray:
    """Everything on the tray."""
    listed = json.loads((FOLDER / "tray.json").read_text(encoding="utf-8"))
    return Tray(
        pairs=tuple(
            TrayPair(row["key"], row["change"], TrayPicture(**row["before"]), TrayPicture(**row["after"]))
            for row in listed["pairs"]
        ),
        singles=tuple(
            TraySingle(row["key"], row["title"], TrayPicture(**row["picture"])) for row in listed["singles"]
        ),
    )


def tray_pair(key: str) -> TrayPair:
    for pair in tray().pairs:
        if pair.key == key:
            return pair
    raise NotFound("tray pair")
