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
    ("open-eyes", "wider eyes", 77, {"eye_openness": 0.35, "glasses": 0, "hat": 0}, {"eye_openness": 1},
     "A person with narrowed eyes", "The same person with eyes wide open"),
    ("wide-face", "wider face", 88, {"face_width": 0.1}, {"face_width": 1},
     "A person with a narrow face", "The same person with a broad face"),
    ("glasses", "glasses", 52, {"glasses": 0, "hat": 0}, {"glasses": 1},
     "A person without glasses", "The same person wearing glasses with thick rims"),
    ("smile", "smile", 34, {"smile": 0.3, "mouth_open": 0.1, "beard": 0}, {"smile": 1},
     "A person with a serious face", "The same person with a broad smile"),
)  # fmt: skip
# What every single person starts from: bare-headed, without glasses or jewels, mouth closed, looking at us.
# The first four stay plain, since strips are drawn on them; each of the others has something of its own.
PLAIN = {
    "glasses": 0.0, "hat": 0.0, "earrings": 0.0, "beard": 0.0, "moustache": 0.0, "lipstick": 0.0,
    "mouth_open": 0.0, "freckles": 0.0, "age_lines": 0.1, "eye_openness": 0.8, "brow_raise": 0.4,
    "smile": 0.5, "head_turn": 0.5, "hair_curl": 0.2,
}  # fmt: skip
SINGLES: tuple[tuple[str, str, int, dict[str, float], str], ...] = (
    ("ada", "Ada", 201, {"skin_tone": 0.25, "hair_length": 0.7, "hair_colour": 0.45},
     "A drawn person with light skin and chestnut hair to the shoulders"),
    ("bo", "Bo", 212, {"skin_tone": 0.9, "hair_length": 0.1, "hair_colour": 0.05, "face_width": 0.6},
     "A drawn person with very dark skin and very short black hair"),
    ("cleo", "Cleo", 223,
     {"skin_tone": 0.6, "hair_length": 0.45, "hair_volume": 0.8, "hair_colour": 0.2, "hair_curl": 0.9},
     "A drawn person with brown skin and wavy dark hair to the chin"),
    ("dario", "Dario", 234,
     {"skin_tone": 0.35, "hair_length": 0.2, "hair_colour": 0.9, "face_width": 0.4, "smile": 0.4},
     "A drawn person with tanned skin and short blond hair"),
    ("edda", "Edda", 245,
     {"skin_tone": 0.1, "hair_length": 0.4, "hair_colour": 0.6, "age_lines": 0.85, "smile": 0.55},
     "A drawn person with very light skin, deep lines and copper hair"),
    ("finn", "Finn", 256,
     {"skin_tone": 0.2, "hair_length": 0.15, "hair_colour": 0.3, "beard": 0.8, "moustache": 0.5},
     "A drawn person with short brown hair and a full beard"),
    ("gita", "Gita", 267, {"skin_tone": 0.65, "hair_length": 0.95, "hair_colour": 0.05, "head_turn": 0.85},
     "A drawn person with long black hair whose head is turned to the right"),
    ("hugo", "Hugo", 278, {"skin_tone": 0.45, "hair_length": 0.3, "hair_colour": 0.7, "smile": 0.95},
     "A drawn person with golden hair and a broad smile"),
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
            files[f"{key}.png"] = _drawn({**PLAIN, **attributes}, seed)
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
