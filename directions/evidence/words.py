"""What ways, figures and semantics of a report are called on pages, and how numbers are said to people."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from directions.evidence.reading import Evidence, Interval

MINUS = "\N{MINUS SIGN}"
PERCENT = "\N{NO-BREAK SPACE}%"


@dataclass(frozen=True)
class FigureWords:
    """A figure's name for people, its own, what it says, and whether it reads best as a percentage."""

    plain: str
    name: str
    says: str
    perfect: float
    percent: bool
    smaller_is_better: bool = False


FIGURES = {
    "edit_share": FigureWords(
        "Made right",
        "edit share",
        "of what the machine could get right in the changed part of the picture, how much it does",
        1.0,
        True,
    ),
    "effect": FigureWords(
        "Strength", "effect", "how much of the wanted change happens, against the true picture", 1.0, True
    ),
    "excess_entanglement": FigureWords(
        "Side effects",
        "excess entanglement",
        "how much other things change along, for each unit of the wanted change, beyond the true picture",
        0.0,
        True,
        True,
    ),
    "worst_excess": FigureWords(
        "Worst side effect", "worst excess", "the largest of these side effects", 0.0, True, True
    ),
    "success": FigureWords(
        "Works on", "success", "faces that change at least half as much as they should", 1.0, True
    ),
    "monotonicity": FigureWords(
        "Steady", "monotonicity", "rank correlation of the slider and the change", 1.0, False
    ),
    "identity": FigureWords(
        "Same person", "identity", "how little changes that makes out who it is", 1.0, False
    ),
    "leakage": FigureWords(
        "Elsewhere", "leakage", "change outside the region against change inside", 0.0, True, True
    ),
    "realism": FigureWords(
        "Still this world", "realism", "how well the machine reads its own edited picture", 1.0, False
    ),
}

ROWS = {
    "before": "The faces",
    "after": "Truly drawn with the change",
    "own": "The same, as the machine draws it",
}
_KINDS = {
    "clean": ("pair", "pairs"),
    "crude": ("crude paste-up", "crude paste-ups"),
    "painted": ("painted pair", "painted pairs"),
    "two photos": ("pair of two photos", "pairs of two photos"),
}
_INVERSIONS = {
    "apart": "inverted apart",
    "apart, W": "inverted apart, one change for all layers",
    "encoder only": "read by the encoder alone",
    "100 steps": "inverted in 100 steps, as in the paper",
    "joint": "inverted jointly",
    "joint, W+": "inverted jointly, layer by layer",
    "mean": "every pair with one vote, as in the paper",
    "raw": "averaged raw: long steps weigh more, without a limit",
    "geometric-median": "by their geometric median",
}
_FINDERS = {
    "mean-difference": "Mean difference",
    "interfacegan": "InterFaceGAN",
    "ganspace": "GANSpace",
    "sefa": "SeFa",
}
_VARIANTS = {
    "one for each layer": "a difference for each layer",
    "others held": "the other changes held",
    "layer groups": "also on groups of layers",
}
_PAIRS = re.compile(r"(\d{1,4}) (clean|crude|painted|two photos)(?:, (.+))?")
_LABELS = re.compile(r"(.+), (\d{1,6}) labels")
_BEST = re.compile(r"(.+), best of (\d{1,6})")


@dataclass(frozen=True)
class Pairs:
    """A way that is an average of pairs: how many, of which kind, how inverted or averaged ("": as usual)."""

    size: int
    kind: str
    inversion: str


def pairs_of(way: str) -> Pairs | None:
    """None for a way that is no average of pairs."""
    found = _PAIRS.fullmatch(way)
    return Pairs(int(found[1]), found[2], found[3] or "") if found else None


def finder_of(way: str) -> tuple[str, int] | None:
    """("interfacegan", 2000), ("sefa", 50): a published way, with its labels or components."""
    found = _LABELS.fullmatch(way) or _BEST.fullmatch(way)
    return (found[1], int(found[2])) if found else None


def way_words(way: str) -> str:
    """What a way of the report is called; one that is not known keeps its own name."""
    if way in ROWS:
        return ROWS[way]
    pairs = pairs_of(way)
    if pairs is not None:
        words = f"{pairs.size} {_KINDS[pairs.kind][pairs.size != 1]}"
        return f"{words}, {_INVERSIONS.get(pairs.inversion, pairs.inversion)}" if pairs.inversion else words
    if found := _LABELS.fullmatch(way):
        return f"{_finder_words(found[1])}, {int(found[2]):,} labels"
    if found := _BEST.fullmatch(way):
        return f"{_finder_words(found[1])}, best of {int(found[2]):,}"
    return way


def _finder_words(name: str) -> str:
    """ "interfacegan, others held": a published way's name, and the variant of it."""
    finder, comma, variant = name.partition(", ")
    return f"{_FINDERS.get(finder, finder)}{comma}{_VARIANTS.get(variant, variant)}"


def clean_sizes(evidence: Evidence, inversion: str = "") -> dict[int, str]:
    """{size: way} of the averages of clean pairs, the smallest first, all inverted in one way."""
    found = {way: pairs_of(way) for way in evidence.methods}
    return dict(
        sorted(
            (pairs.size, way)
            for way, pairs in found.items()
            if pairs is not None and pairs.kind == "clean" and pairs.inversion == inversion
        )
    )


def way_group(way: str) -> str:
    """Which of the groups of `GROUPS` a way stands in."""
    pairs = pairs_of(way)
    if pairs is None:
        return "published" if finder_of(way) is not None else "other"
    if pairs.inversion:
        return "inversions"
    return "clean" if pairs.kind == "clean" else "kinds"


GROUPS = {
    "clean": "Averages of clean pairs",
    "kinds": "Pairs as people make them",
    "published": "Published ways",
    "inversions": "Clean pairs, inverted or averaged otherwise",
    "other": "Other ways",
}


def semantic_words(semantic: str) -> str:
    return semantic.replace("_", " ")


# --- numbers ------------------------------------------------------------------------------------------------


def percent(value: float, digits: int = 0) -> str:
    """0.742 -> "74 %"; what is small but not nothing keeps a digit: 0.003 -> "0.3 %"."""
    if digits == 0 and 0.0005 <= abs(value) < 0.0095:
        digits = 1
    return "–" if math.isnan(value) else f"{_signed(100 * value, digits)}{PERCENT}"


def decimal(value: float, digits: int = 2) -> str:
    return "–" if math.isnan(value) else _signed(value, digits)


def _signed(value: float, digits: int) -> str:
    text = f"{abs(value):,.{digits}f}"
    return f"{MINUS}{text}" if value < 0 and text.strip("0.,") else text


def said(value: float, figure: str) -> str:
    """A figure's value as it reads best."""
    return percent(value) if FIGURES[figure].percent else decimal(value)


def span(interval: Interval, figure: str) -> str:
    """The interval, "68 to 80 %" or "0.91 to 0.98"."""
    low, high = said(interval.low, figure), said(interval.high, figure)
    return f"{low.removesuffix(PERCENT)} to {high}" if FIGURES[figure].percent else f"{low} to {high}"


def with_span(interval: Interval, figure: str) -> str:
    """ "74 % (68 to 80 %)"; a number that came without an interval stands alone."""
    alone = interval.low == interval.value == interval.high
    value = said(interval.value, figure)
    return value if alone else f"{value} ({span(interval, figure)})"
