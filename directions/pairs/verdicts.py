"""What a person is told when a pair gives no direction, or one with a caveat: what is wrong, what to do.

What was found is said by who found it (`inference.finders.quality`, in `reason`); here is only the advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from directions.generators.models import Generator
from directions.pairs.words import SMALL_CHANGE, little_kept

SAME, UNRELATED, FOREIGN = "same-picture", "unrelated-pictures", "out-of-domain"
_FOUND = {
    SAME: "To this generator, before and after are the same picture: nothing changes between them.",
    UNRELATED: "Before and after are two unrelated pictures: hardly any part stayed as it was.",
    FOREIGN: "At least one of these pictures is not of the kind that this generator draws.",
}


def verdict_text(*, verdict: str, quality: Mapping[str, Any], generator: Generator) -> str:
    """What the machine found, and what to do next."""
    return f"{quality['reason']} {_advice(verdict, generator)}"


def plain_verdict(*, verdict: str, generator: Generator) -> str:
    """`verdict_text` for somebody who has no use for numbers; those stand among the page's details."""
    return f"{_FOUND[verdict]} {_advice(verdict, generator)}"


def quality_notes(quality: Mapping[str, Any]) -> list[str]:
    """Caveats of a direction that does count, for clients; the page says them beside the measured numbers."""
    warning = little_kept(quality)
    notes = [warning] if warning else []
    over = quality.get("movement_over_null")
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
