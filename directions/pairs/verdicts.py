"""What a person is told when a pair gives no direction, or one with a caveat: what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from directions.generators.models import Generator

SAME, UNRELATED, FOREIGN = "same-picture", "unrelated-pictures", "out-of-domain"
LITTLE_KEPT = 0.35  # of the change: below it, the reconstructions hardly show what the person did


def verdict_text(*, verdict: str, quality: Mapping[str, Any], generator: Generator) -> str:
    """Two sentences: what the machine sees, and what to do next."""
    if verdict == SAME:
        times = float(quality["movement_over_null"])
        return (
            f"Before and after are the same picture to {generator.title}: between them it moves {times:.1f} "
            "times as far as when one picture is merely saved again. Upload an after in which the change is "
            "plainly visible, and check that you did not choose one file twice."
        )
    if verdict == UNRELATED:
        return (
            "These look like two unrelated pictures, not one picture before and after a change: they are "
            "further apart than two different portraits usually are. Use the same face in the same pose and "
            "light, with one thing changed."
        )
    if verdict == FOREIGN:
        return f"{_foreign_picture(quality, generator)} {_foreign_advice(generator)}"
    return str(quality.get("reason") or "This pair gives no direction.")


def quality_notes(quality: Mapping[str, Any]) -> list[str]:
    """Caveats of a direction that does count."""
    notes = []
    kept = quality.get("change_kept")
    if kept is not None and float(kept) < LITTLE_KEPT:
        notes.append(
            f"The reconstructions show only about {max(0, round(100 * float(kept)))} % of the change: "
            "this generator hardly knows it."
        )
    if quality.get("movement_over_null") is not None and float(quality["movement_over_null"]) < 2:
        notes.append(
            "The change is small: less than twice what saving the picture again does. A stronger after helps."
        )
    return notes


def _foreign_picture(quality: Mapping[str, Any], generator: Generator) -> str:
    limit = float(generator.thresholds["out_of_domain"])
    errors = [float(error) for error in quality["errors"]]
    names = [name for name, error in zip(("before", "after"), errors, strict=True) if error > limit]
    subject = "Neither picture is one" if len(names) == 2 else f"The {names[0]} picture is not one"
    return (
        f"{subject} that {generator.title} can draw: its best reconstruction is off by {max(errors):.2f}, "
        f"and pictures of its world stay below {limit:.2f}."
    )


def _foreign_advice(generator: Generator) -> str:
    if generator.drawn_world:
        return (
            "This generator knows a drawn world only. Try a pair from the tray; for photographs the operator "
            "brings a generator trained on them, and your pair is then derived on it as well."
        )
    return "Use an aligned, front-facing picture of what this generator was trained on."
