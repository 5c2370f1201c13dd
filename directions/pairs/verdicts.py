"""What a person is told when a pair gives no direction, or one with a caveat: what is wrong, what to do.

What was found is said by who found it (`inference.finders.quality`, in `reason`); here is only the advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from directions.generators.models import Generator
from directions.pairs.words import LITTLE_KEPT, SMALL_CHANGE

SAME, UNRELATED, FOREIGN = "same-picture", "unrelated-pictures", "out-of-domain"


def verdict_text(*, verdict: str, quality: Mapping[str, Any], generator: Generator) -> str:
    """What the machine found, and what to do next."""
    return f"{quality['reason']} {_advice(verdict, generator)}"


def quality_notes(quality: Mapping[str, Any]) -> list[str]:
    """Caveats of a direction that does count, for clients; the page says them beside the measured numbers."""
    notes = []
    kept, over = quality.get("change_kept"), quality.get("movement_over_null")
    if kept is not None and float(kept) < LITTLE_KEPT:
        notes.append(
            f"The reconstructions show only about {max(0, round(100 * float(kept)))} % of the change: "
            "this generator hardly knows it."
        )
    if over is not None and float(over) < SMALL_CHANGE:
        notes.append(
            f"The change is small: it moves the picture less than {SMALL_CHANGE} times as far as saving it "
            "again does. A stronger after helps."
        )
    return notes


def _advice(verdict: str, generator: Generator) -> str:
    if verdict == SAME:
        return (
            "Upload an after in which the change is plainly visible, and check that you did not choose one "
            "file twice."
        )
    if verdict == UNRELATED:
        return "Use the same face in the same pose and light, with one thing changed."
    if verdict == FOREIGN and generator.drawn_world:
        return (
            "This generator knows a drawn world only. Try a pair from the tray; for photographs the operator "
            "brings a generator trained on them, and your pair is then derived on it as well."
        )
    if verdict == FOREIGN:
        return "Use an aligned, front-facing picture of what this generator was trained on."
    raise ValueError(f"verdict {verdict!r}, wanted {SAME}, {UNRELATED} or {FOREIGN}: say what to do about it")
