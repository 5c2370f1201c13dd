"""The fourteen semantics that directions are measured on. All are reported, none is ever dropped."""

from __future__ import annotations

JUDGED: tuple[str, ...] = (
    "smile",
    "mouth_open",
    "eye_openness",
    "glasses",
    "beard",
    "moustache",
    "hair_length",
    "hair_colour",
    "age_lines",
    "head_turn",
    "hat",
    "earrings",
    "lipstick",
    "skin_tone",
)

LARGE = 0.05  # share of the picture from which on a change counts as large
