"""Where a generator's directions stop working, as the report found it: the paper's figure 8, counted.

These sections are read leniently, number by number: what is not there, or is something else, is left out here
and stands with everything else in the tables for researchers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from directions.evidence.models import StripRow
from directions.evidence.reading import Evidence, Interval, is_number
from directions.evidence.words import decimal, percent, semantic_words, with_span


@dataclass(frozen=True)
class Part:
    """A part of the people that directions were tried on."""

    words: str
    faces: str
    effect: str
    share: str
    worst: str


@dataclass(frozen=True)
class Hidden:
    """A change that cannot show: what it truly moves, what the edit moved, both against other people."""

    words: str
    text: str
    rows: tuple[tuple[str, str, StripRow], ...]


@dataclass(frozen=True)
class Goal:
    """Something that was to be shown, set before anything was measured."""

    what: str
    found: str
    wanted: str
    worst: str
    met: bool


@dataclass(frozen=True)
class Limits:
    parts: tuple[Part, ...]
    hidden: tuple[Hidden, ...]
    sentences: tuple[str, ...]

    @property
    def any(self) -> bool:
        return bool(self.parts or self.hidden or self.sentences)


HIDDEN_ROWS = {
    "drawn": ("The people", "8 people for whom the change can hardly show"),
    "true": ("Truly drawn with the change", "The same people truly drawn with the change"),
    "edited": ("Edited", "The same people edited by the average of ten pairs"),
}


def limits(evidence: Evidence, rows: dict[str, list[StripRow]]) -> Limits:
    """`rows`: the pictures of each case, by its name."""
    return Limits(_parts(evidence), _hidden(evidence, rows), _sentences(evidence))


def _parts(evidence: Evidence) -> tuple[Part, ...]:
    parts = []
    for name in evidence.names("subpopulations"):
        effect, share, faces = (
            evidence.number("subpopulations", name, key) for key in ("effect", "edit_share", "faces")
        )
        if effect is None or share is None:
            continue
        worst, worst_effect = (
            evidence.words("subpopulations", name, "worst"),
            evidence.number("subpopulations", name, "worst_effect"),
        )
        parts.append(
            Part(
                words=name,
                faces=decimal(faces.value, 0) if faces is not None else "",
                effect=with_span(effect, "effect"),
                share=with_span(share, "edit_share"),
                worst=f"{semantic_words(worst)} {_percent(worst_effect)}" if worst else "",
            )
        )
    return tuple(parts)


def _hidden(evidence: Evidence, rows: dict[str, list[StripRow]]) -> tuple[Hidden, ...]:
    found = []
    for name in evidence.names("inapplicable"):
        shows, edited = (evidence.number("inapplicable", name, key) for key in ("shows", "edited"))
        if shows is None or edited is None:
            continue
        text = (
            f"Drawn truly, it moves {with_span(shows, 'effect')} of what it moves on other people; "
            f"the edit moved {with_span(edited, 'effect')}."
        )
        pictures = tuple((*HIDDEN_ROWS[row.way], row) for row in rows.get(name, []))
        found.append(Hidden(name, text, pictures))
    return tuple(found)


def _sentences(evidence: Evidence) -> tuple[str, ...]:
    told = []
    kept, worst = (evidence.number("superposition", key) for key in ("kept", "kept_worst"))
    which = semantic_words(evidence.words("superposition", "worst"))
    if kept is not None:
        at_worst = f"at worst {percent(worst.value)}" if worst is not None else ""
        more = f" ({', '.join(filter(None, (at_worst, which)))})" if at_worst else ""
        told.append(f"Two sliders at once keep {with_span(kept, 'effect')} of what each does alone{more}.")
    pairs, both, one = (evidence.number("two_changes", key) for key in ("pairs", "both_named", "one_named"))
    if pairs is not None and both is not None and one is not None:
        told.append(
            f"Where a pair changes two things at once, both are recognised in {with_span(both, 'success')} "
            f"and at least one in {with_span(one, 'success')} of {decimal(pairs.value, 0)} pairs."
        )
    return tuple(told)


def goals(evidence: Evidence) -> list[Goal]:
    """What the report says of the bars that it was held to; one whose figure is no number counts, too."""
    found = evidence.data.get("bars")
    return [_goal(row) for row in found if _is_goal(row)] if isinstance(found, list) else []


def _is_goal(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and (row.get("value") is None or is_number(row["value"]))
        and isinstance(row.get("met"), bool)
        and isinstance(row.get("what"), str)
        and isinstance(row.get("wanted"), str)
    )


def _goal(row: dict[str, Any]) -> Goal:
    worst = row.get("worst")
    named = semantic_words(str(row.get("worst_semantic", "")))
    return Goal(
        what=row["what"][:300],
        found=_with_ends(row),
        wanted=row["wanted"][:100],
        worst=f"{named} {decimal(worst)}" if is_number(worst) else "",
        met=row["met"],
    )


def _with_ends(row: dict[str, Any]) -> str:
    """ "0.81 (0.78 to 0.83)"; the number alone where the report has no interval for it."""
    value = decimal(math.nan if row["value"] is None else row["value"])
    low, high = row.get("low"), row.get("high")
    return f"{value} ({decimal(low)} to {decimal(high)})" if is_number(low) and is_number(high) else value


def _percent(found: Interval | None) -> str:
    return percent(found.value) if found is not None else ""
