"""A report as `python -m inference evaluate` writes it, with small numbers that a reader can check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WAYS = {  # way -> (edit share, effect, excess entanglement)
    "1 clean": (0.61, 0.72, 0.20),
    "3 clean": (0.72, 0.78, 0.12),
    "10 clean": (0.80, 0.84, 0.08),
    "10 crude": (0.60, 0.63, 0.15),
    "10 clean, joint": (0.81, 0.85, 0.08),
    "1 clean, encoder only": (0.55, 0.65, 0.24),
    "100 clean, encoder only": (0.83, 0.88, 0.05),
    "interfacegan, 2000 labels": (0.79, 0.80, 0.10),
    "interfacegan, 20 labels": (0.30, 0.50, 0.40),
    "ganspace, best of 50": (0.35, 0.55, 0.45),
    "sefa, best of 50": (0.31, 0.50, 0.50),
}
SHOWN = [way for way in WAYS if "joint" not in way and "encoder" not in way]  # in pictures
SEMANTICS = ("smile", "mouth_open", "hat")
CRUDE = ("smile", "hat")
CASE = "earrings under long hair"
HALF = 0.03  # of every interval
FACES = 4
SIDE = 32


def an_interval(value: float) -> dict[str, float]:
    return {"value": round(value, 4), "low": round(value - HALF, 4), "high": round(value + HALF, 4)}


def a_figure(value: float, semantics: tuple[str, ...], *, smaller: bool = False) -> dict[str, Any]:
    """Semantics a tenth apart around the mean; the last one is the worst."""
    away = np.linspace(-0.1, 0.1, len(semantics)) * (1 if smaller else -1)
    each = {name: an_interval(value + by) for name, by in zip(semantics, away, strict=True)}
    worst = semantics[-1]
    return {"mean": an_interval(value), "worst": {"semantic": worst, **each[worst]}, "each": each}


def a_report(digest: str, **more: Any) -> dict[str, Any]:
    """The report's data; `more` puts sections in."""
    methods = {}
    for way, (share, effect, excess) in WAYS.items():
        able = CRUDE if "crude" in way else SEMANTICS
        methods[way] = {
            "effect": a_figure(effect, able),
            "excess_entanglement": a_figure(excess, able, smaller=True),
            "worst_excess": a_figure(3 * excess, able, smaller=True),
            "edit_share": a_figure(share, able),
            "success": a_figure(0.9, able),
            "monotonicity": a_figure(0.97, able),
            "identity": a_figure(0.95, able),
            "leakage": a_figure(0.1, able, smaller=True),
            "realism": a_figure(0.9, able),
        }
    labels = [name for name in SEMANTICS for _ in range(4)]
    points = [[round(float(n % 5), 2), round(float(n % 7), 2)] for n in range(len(labels))]
    return {
        "bundle": {"name": "drawn", "title": "Drawn", "note": "", "digest": digest, "trained": "label-free"},
        "measured": "2026-03-01T12:30:00+00:00",
        "versions": {"torch": "2.13.0", "numpy": "2.3"},
        "options": {"faces": 32, "pairs": 30, "semantics": list(SEMANTICS), "seed": 0},
        "methods": methods,
        "strips": {name: [way for way in SHOWN if "crude" not in way or name in CRUDE] for name in SEMANTICS},
        "paired": {"10 clean, joint − 10 clean": {"edit_share": an_interval(0.01)}},
        "themselves": {"clean": {"cosine_within": an_interval(0.62), "purity": an_interval(0.98)}},
        "projection": {"labels": labels, "pca": points, "tsne": points, "silhouette": 0.41},
        "superposition": {"kept": an_interval(0.93), "kept_worst": 0.81},
        "subpopulations": {
            "everybody": {
                "effect": 0.84,
                "edit_share": 0.8,
                "worst": "hat",
                "worst_effect": 0.74,
                "semantics": 3,
                "faces": 96,
            },
            "dark skin": {
                "effect": 0.79,
                "edit_share": 0.71,
                "worst": "smile",
                "worst_effect": 0.6,
                "semantics": 3,
                "faces": 31,
            },
        },
        "inapplicable": {CASE: {"shows": 0.04, "edited": 0.55, "reading": 0.02}},
        "two_changes": {"pairs": 12, "both_named": 0.75, "one_named": 1.0},
        "bars": [
            {
                "what": "effect, ten clean pairs",
                "value": 0.84,
                "low": 0.81,
                "high": 0.87,
                "wanted": "at least 0.7",
                "met": True,
            },
            {
                "what": "edit share, ten clean pairs",
                "value": 0.8,
                "wanted": "at least 0.9, none under 0.65",
                "worst": 0.7,
                "worst_semantic": "hat",
                "met": False,
            },
        ],
        "judge": {"R2": dict.fromkeys(SEMANTICS, 0.97)},
        "seconds": 5400.0,
        **more,
    }


def write_report(folder: Path, data: dict[str, Any]) -> Path:
    """report.json and its strips (noise of the right size) in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(data, indent=1), encoding="utf-8")
    for number, semantic in enumerate(data["options"]["semantics"]):
        write_strip(folder / f"strip-{semantic}.webp", rows=3 + len(data["strips"][semantic]), seed=number)
    for case in data.get("inapplicable", {}):
        write_strip(folder / f"limit-{case.replace(' ', '_')}.webp", rows=3, seed=99)
    return folder


def write_strip(path: Path, *, rows: int, seed: int = 0) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (rows * SIDE, FACES * SIDE, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, lossless=True)
