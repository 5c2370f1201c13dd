"""What a report says, in sentences: the figures in short, and the paper's comparisons (Li and Jiang 2021).

Each sentence is made of the report's numbers. Two ways differ only where their intervals do not touch; what
was not measured is said to be so. Nothing here praises.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from directions.evidence.reading import Evidence
from directions.evidence.words import (
    FIGURES,
    Pairs,
    clean_sizes,
    decimal,
    finder_of,
    pairs_of,
    percent,
    said,
    semantic_words,
    span,
    way_words,
)

HEADLINES = ("effect", "edit_share", "excess_entanglement", "success")
USUAL = 10  # pairs: what the paper's averages have
TRAINED = {
    "label-free": "It was trained on pictures alone: nobody told it what is in them.",
    "known-codes": "It was trained with the numbers behind each drawing known, which no photograph comes "
    "with: what it reaches is an upper bound.",
}
NOT_MEASURED = "This report did not measure it."


@dataclass(frozen=True)
class Headline:
    """One figure of the usual average, in short."""

    name: str
    value: str
    span: str
    says: str
    worst: str
    worst_value: str


@dataclass(frozen=True)
class Paper:
    """One of the paper's figures, and what this report found of it."""

    figure: int
    title: str
    text: str
    see: str
    measured: bool


def usual_way(evidence: Evidence) -> str | None:
    """The average that headlines are of: of ten clean pairs, or of the most there are below."""
    found = clean_sizes(evidence)
    few = [size for size in found if size <= USUAL]
    return found[max(few)] if few else None


def usual_words(evidence: Evidence) -> str:
    """ "averages of ten pairs": what the headlines are of."""
    way = usual_way(evidence)
    if way is None:
        return ""
    pairs = pairs_of(way)
    assert pairs is not None
    return "single pairs" if pairs.size == 1 else f"averages of {_number(pairs.size)} pairs"


def trained_words(evidence: Evidence) -> str:
    """How the generator came to be, where it matters for what the figures mean; "" where it is unknown."""
    return TRAINED.get(evidence.words("bundle", "trained"), "")


def headlines(evidence: Evidence) -> list[Headline]:
    """The four figures that people ask for first."""
    way = usual_way(evidence)
    found = [(name, evidence.figure(way, name) if way else None) for name in HEADLINES]
    return [
        Headline(
            name=FIGURES[name].plain,
            value=said(figure.mean.value, name),
            span=span(figure.mean, name),
            says=FIGURES[name].says,
            worst=semantic_words(figure.worst),
            worst_value=said(figure.each[figure.worst].value, name),
        )
        for name, figure in found
        if figure is not None
    ]


def paper(evidence: Evidence) -> list[Paper]:
    """Figures 4 to 10 of the paper, a sentence or two each."""
    told = [
        (4, "One pair alone", _one_pair(evidence), "effect"),
        (5, "Against InterFaceGAN", _against(evidence, "interfacegan"), "edit_share"),
        (6, "Against GANSpace", _against(evidence, "ganspace"), "edit_share"),
        (7, "Against SeFa", _against(evidence, "sefa"), "edit_share"),
        (8, "Where it fails", _failures(evidence), "limits"),
        (9, "One pair against many", _averaging(evidence), "averaging"),
        (10, "Directions of one change among others", _together(evidence), "together"),
    ]
    return [Paper(number, title, text or NOT_MEASURED, see, bool(text)) for number, title, text, see in told]


def _one_pair(evidence: Evidence) -> str:
    way = clean_sizes(evidence).get(1)
    effect, success = (evidence.figure(way, name) if way else None for name in ("effect", "success"))
    if effect is None:
        return ""
    text = (
        f"A single pair makes {said(effect.mean.value, 'effect')} of the wanted change "
        f"({span(effect.mean, 'effect')}) on faces that it never saw"
    )
    if success is None:
        return f"{text}."
    return (
        f"{text}; on {said(success.mean.value, 'success')} of them it does at least half of what it should."
    )


def _against(evidence: Evidence, finder: str) -> str:
    ours = usual_way(evidence)
    theirs = {
        found[1]: way
        for way in evidence.methods
        if (found := finder_of(way)) is not None and found[0] == finder
    }
    mine = evidence.figure(ours, "edit_share") if ours else None
    if ours is None or mine is None or not theirs:
        return ""
    parts = []
    for _, way in sorted(theirs.items(), reverse=True):
        other = evidence.figure(way, "edit_share")
        if other is not None:
            value = said(other.mean.value, "edit_share")
            parts.append(f"{way_words(way)}: {value}, {_verdict(evidence, ours, way)}")
    if not parts:
        return ""
    start = f"{usual_words(evidence).capitalize()} make {said(mine.mean.value, 'edit_share')} right"
    return f"{start}. {'; '.join(parts)}."


def _verdict(evidence: Evidence, ours: str, way: str) -> str:
    """What the other way is, seen from ours, in what is made right.

    Told by the interval of the difference on the same faces where the report has it, else by both intervals.
    """
    low, high = (
        evidence.number("paired", f"{ours} − {way}", "edit_share"),
        evidence.number("paired", f"{way} − {ours}", "edit_share"),
    )
    if low is not None:
        less, more = low.low > 0, low.high < 0
    elif high is not None:
        less, more = high.high < 0, high.low > 0
    else:
        mine, other = evidence.methods[ours]["edit_share"].mean, evidence.methods[way]["edit_share"].mean
        less, more = other.high < mine.low, other.low > mine.high
    return "clearly less" if less else "clearly more" if more else "no clear difference"


def _failures(evidence: Evidence) -> str:
    way = usual_way(evidence)
    share = evidence.figure(way, "edit_share") if way else None
    if share is None:
        return ""
    text = (
        f"Worst is {semantic_words(share.worst)}: {said(share.each[share.worst].value, 'edit_share')} "
        "of it is made right."
    )
    pairs = pairs_of(way or "")
    crude = [
        other
        for other in evidence.methods
        if pairs is not None and pairs_of(other) == Pairs(pairs.size, "crude", "")
    ]
    effects = [evidence.figure(one, "effect") for one in crude]
    if effects and effects[0] is not None:
        clean = evidence.figure(way or "", "effect")
        same = [clean.each[name].value for name in effects[0].each if clean and name in clean.each]
        if same and (whole := sum(same) / len(same)) > 0:
            kept = effects[0].mean.value / whole
            text += f" Crude paste-ups keep {percent(kept)} of what clean pairs of the same changes do."
    return text


def _averaging(evidence: Evidence) -> str:
    usual = _more_pairs(evidence, clean_sizes(evidence))
    alone = _more_pairs(evidence, clean_sizes(evidence, "encoder only"))
    return " ".join(
        text
        for text in (
            usual and f"From {usual}.",
            alone and f"Inverted by the encoder alone, from {alone}.",
        )
        if text
    )


def _more_pairs(evidence: Evidence, sizes: dict[int, str]) -> str:
    """ "one pair to ten: side effects go from 20 % to 8 %, …"; "" where one pair or several are missing."""
    if 1 not in sizes or len(sizes) < 2:
        return ""
    few, many = sizes[1], sizes[max(sizes)]
    parts = []
    for name in ("excess_entanglement", "edit_share"):
        one, all_ = evidence.figure(few, name), evidence.figure(many, name)
        if one is None or all_ is None:
            continue
        a, b = said(one.mean.value, name), said(all_.mean.value, name)
        apart = one.mean.high < all_.mean.low or all_.mean.high < one.mean.low
        doubt = "" if apart else " (the intervals overlap)"
        what = "side effects go" if name == "excess_entanglement" else "what is made right goes"
        parts.append(f"{what} from {a} to {b}{doubt}")
    return f"one pair to {_number(max(sizes))}: {', and '.join(parts)}" if parts else ""


def _together(evidence: Evidence) -> str:
    purity = evidence.number("themselves", "clean", "purity")
    if purity is None or math.isnan(purity.value):
        return ""
    text = (
        f"For {percent(purity.value)} of all single pairs, the pair whose direction is nearest shows the "
        "same change"
    )
    silhouette = evidence.number("projection", "silhouette")
    if silhouette is None:
        return f"{text}."
    return (
        f"{text}; the groups stand apart with a silhouette of {decimal(silhouette.value)} "
        "(1: far apart, 0: mixed)."
    )


def _number(count: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[count] if count < len(words) else f"{count:,}"
