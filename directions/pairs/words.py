"""A direction's quality in words, with the numbers for the details. Verdicts are made in `inference`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Below this share of the change kept, a direction may teach something else than what was done. Of the
# demonstration's 96 pairs on Drawn Portraits (bundle 1f0bcbd91b23) all 82 cleanly drawn ones kept 0.74 to
# 0.98, and 9 of the 10 paste-ups 0.41 to 0.71 (the tenth 0.77): the line warns of no clean pair.
MOST_KEPT = 0.72
HOW_MUCH = "How much of the picture?"
SMALL_CHANGE = 2  # times what saving a picture again moves: below it, much of the direction is chance


@dataclass(frozen=True)
class QualityRow:
    """One measured thing: what was asked, the answer in words, the number behind it."""

    label: str
    words: str
    number: str
    level: str  # good | fair | poor


def quality_rows(quality: Mapping[str, Any]) -> list[QualityRow]:
    """What the page says on a pair, in the order in which a person would ask.

    Of a refused pair only what its refusal rests on: the rest was measured between two pictures that are no
    before and after, and would praise or blame what is not there.
    """
    verdict = quality.get("verdict")
    if verdict == "same-picture":
        return [QualityRow("How far does it go?", "Nothing changes", _times(quality), "poor")]
    rows = _rows(quality)
    if verdict:
        return [row for row in rows if verdict == "unrelated-pictures" and row.label == HOW_MUCH]
    return rows


def little_kept(quality: Mapping[str, Any]) -> str:
    """The warning of a direction that counts, but may teach something else; empty where there is none."""
    kept = _number(quality, "change_kept")
    if kept is None or kept >= MOST_KEPT:
        return ""
    return (
        f"The generator shows only {share_words(kept)} of your change, and perhaps something else in its "
        "place. Look at the strip before you rely on it."
    )


def share_words(share: float) -> str:
    """A share of less than `MOST_KEPT`, as one would say it."""
    for limit, words in _SHARES:
        if share < limit:
            return words
    return "about two thirds"


_SHARES = (
    (0.15, "a trace"),
    (0.29, "about a quarter"),
    (0.42, "about a third"),
    (0.58, "about half"),
)


def _times(quality: Mapping[str, Any]) -> str:
    return f"{float(quality['movement_over_null']):.1f} × what saving a picture again moves"


def _rows(quality: Mapping[str, Any]) -> list[QualityRow]:
    rows = []
    kept, over, part = (
        _number(quality, name) for name in ("change_kept", "movement_over_null", "changed_fraction")
    )
    inside, outside = _number(quality, "error_inside"), _number(quality, "error_outside")
    if kept is not None:
        percent = f"{max(0, round(100 * kept))} % of the change"
        if kept >= MOST_KEPT:
            words, level = f"{'Nearly all' if kept >= 0.85 else 'Most'} of it is kept", "good"
        else:
            words, level = f"Only {share_words(kept)} of it", "fair" if kept >= 0.5 else "poor"
        rows.append(QualityRow("Is the change in it?", words, percent, level))
    if over is not None:
        times = _times(quality)
        if over >= 5:
            rows.append(QualityRow("How far does it go?", "A strong change", times, "good"))
        elif over >= SMALL_CHANGE:
            rows.append(QualityRow("How far does it go?", "A clear change", times, "good"))
        else:
            rows.append(
                QualityRow(
                    "How far does it go?",
                    "A small change: a stronger after helps",
                    times,
                    "fair" if over >= 1 else "poor",
                )
            )
    if part is not None:
        percent = f"{100 * part:.0f} % of the picture"
        if part <= 0.3:
            rows.append(QualityRow(HOW_MUCH, "Only a part changes", percent, "good"))
        elif part <= 0.6:
            rows.append(QualityRow(HOW_MUCH, "A large part changes", percent, "fair"))
        else:
            rows.append(QualityRow(HOW_MUCH, "Nearly everything changes", percent, "poor"))
    if inside is not None and outside is not None:
        numbers = f"{inside:.3f} inside the change, {outside:.3f} outside"
        if inside <= 2 * outside:
            rows.append(
                QualityRow("How exact is the copy?", "As good in the change as around it", numbers, "good")
            )
        else:
            rows.append(
                QualityRow("How exact is the copy?", "Rougher in the change than around it", numbers, "fair")
            )
    return rows


def _number(quality: Mapping[str, Any], name: str) -> float | None:
    value = quality.get(name)
    return None if value is None else float(value)


def copy_words(error: float, limit: float) -> str:
    """How close a reconstruction is, judged against the error beyond which a picture is of another world."""
    share = error / limit if limit else 0.0
    if share <= 0.35:
        return "a close copy"
    if share <= 0.7:
        return "a fair copy"
    return "a rough copy" if share <= 1 else "not a picture this generator can draw"
