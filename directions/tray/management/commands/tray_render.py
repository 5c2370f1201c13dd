"""Draw the tray's pictures into static/tray/. Run by hand when the renderer changes; the files are committed.

Needs the renderer, which nothing else of the running program does.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from PIL import Image

from directions.tray import FOLDER

LIMIT_BYTES = 1024 * 1024
SIZE = 128

# key, what changed, seed, attributes of both, attributes of the after, alt text of before and after.
# The first ones are changes that the demonstration community does not contribute.
PAIRS: tuple[tuple[str, str, int, dict[str, float], dict[str, float], str, str], ...] = (
    ("earrings", "earrings", 41, {"earrings": 0, "hair_length": 0.15, "hat": 0}, {"earrings": 1},
     "A person with short hair and bare ears", "The same person wearing large golden earrings"),
    ("brow-raise", "raised brows", 107, {"brow_raise": 0.15, "hat": 0, "glasses": 0}, {"brow_raise": 1},
     "A person with lowered brows", "The same person with brows raised high"),
    ("moustache", "moustache", 19, {"moustache": 0, "beard": 0, "mouth_open": 0, "lipstick": 0},
     {"moustache": 1}, "A person with a bare upper lip", "The same person with a full moustache"),
    ("nose-size", "bigger nose", 63, {"nose_size": 0.1, "glasses": 0}, {"nose_size": 1},
     "A person with a small nose", "The same person with a large nose"),
    ("freckles", "freckles", 77, {"freckles": 0, "skin_tone": 0.2, "beard": 0}, {"freckles": 1},
     "A person with clear skin", "The same person with many freckles"),
    ("wide-face", "wider face", 88, {"face_width": 0.1}, {"face_width": 1},
     "A person with a narrow face", "The same person with a broad face"),
    ("glasses", "glasses", 52, {"glasses": 0, "hat": 0}, {"glasses": 1},
     "A person without glasses", "The same person wearing glasses with thick rims"),
    ("smile", "smile", 34, {"smile": 0.3, "mouth_open": 0.1, "beard": 0}, {"smile": 1},
     "A person with a serious face", "The same person with a broad smile"),
)  # fmt: skip
SINGLES: tuple[tuple[str, str, int, dict[str, float], str], ...] = (
    ("ada", "Ada", 201,
     {"glasses": 0, "hat": 0, "hair_length": 0.7, "beard": 0, "moustache": 0, "eye_openness": 0.8},
     "A drawn person with long hair, looking at you"),
    ("bo", "Bo", 212, {"hat": 0, "glasses": 0, "beard": 0, "hair_length": 0.1, "eye_openness": 0.8},
     "A drawn person with very short hair and a bare chin"),
    ("cleo", "Cleo", 223, {"skin_tone": 0.85, "hat": 0, "hair_volume": 0.9, "beard": 0, "eye_openness": 0.75},
     "A drawn person with dark skin and full, wide hair"),
    ("dario", "Dario", 234, {"beard": 0.9, "moustache": 0.7, "hat": 0, "glasses": 0, "eye_openness": 0.8},
     "A drawn person with a full beard"),
    ("edda", "Edda", 245, {"age_lines": 0.9, "glasses": 0.7, "hat": 0, "beard": 0, "eye_openness": 0.75},
     "A drawn person with deep lines and glasses"),
    ("finn", "Finn", 256, {"hat": 0.9, "glasses": 0, "beard": 0, "eye_openness": 0.85},
     "A drawn person with a knitted hat"),
    ("gita", "Gita", 267, {"head_turn": 0.9, "hat": 0, "glasses": 0, "beard": 0, "eye_openness": 0.8},
     "A drawn person whose head is turned to the right"),
    ("hugo", "Hugo", 278, {"hair_colour": 0.95, "hat": 0, "smile": 0.9, "beard": 0, "glasses": 0},
     "A drawn person with blond hair and a smile"),
)  # fmt: skip


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        files: dict[str, bytes] = {}
        listed: dict[str, list[dict[str, Any]]] = {"pairs": [], "singles": []}
        for key, change, seed, both, after, alt_before, alt_after in PAIRS:
            names = {"before": f"{key}-before.png", "after": f"{key}-after.png"}
            files[names["before"]] = _drawn(both, seed)
            files[names["after"]] = _drawn({**both, **after}, seed)
            listed["pairs"].append(
                {
                    "key": key,
                    "change": change,
                    "before": {"file": names["before"], "alt": alt_before},
                    "after": {"file": names["after"], "alt": alt_after},
                }
            )
        for key, title, seed, attributes, alt in SINGLES:
            files[f"{key}.png"] = _drawn(attributes, seed)
            listed["singles"].append(
                {"key": key, "title": title, "picture": {"file": f"{key}.png", "alt": alt}}
            )
        total = sum(map(len, files.values()))
        if total > LIMIT_BYTES:
            raise CommandError(
                f"The tray came to {total} bytes; at most {LIMIT_BYTES} are wanted. Draw fewer."
            )
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (FOLDER / name).write_bytes(data)
        text = json.dumps(listed, indent=2, ensure_ascii=False)
        (FOLDER / "tray.json").write_text(text + "\n", encoding="utf-8")
        self.stdout.write(f"{len(files)} pictures, {total / 1024:.0f} KiB, in {FOLDER.name}/")


def _drawn(attributes: Mapping[str, float], seed: int) -> bytes:
    from inference.portraits import render

    buffer = io.BytesIO()
    Image.fromarray(render(attributes, seed, SIZE)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
