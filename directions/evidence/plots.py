"""Where the marks of a report's plots stand, as percentages of the drawing: numbers in, positions out.

Templates draw them as inline SVG in the page's own colours; each plot is a table whose cells hold the
drawing, so that nobody needs the drawing to have the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from directions.evidence.reading import Evidence, Figure, Interval, Projection
from directions.evidence.words import (
    FIGURES,
    GROUPS,
    FigureWords,
    clean_sizes,
    said,
    semantic_words,
    span,
    way_group,
    way_words,
)

COMPARED = ("edit_share", "effect", "excess_entanglement")
PLAIN_RANGE = {"excess_entanglement": (0.0, 0.25)}  # what an axis shows at least; 0 to 1 without one
AVERAGED = {"": "as usual", "encoder only": "by the encoder alone"}  # inversions that have many sizes
FARTHEST = 2.0  # beyond so many times that range a mark is put at the edge


@dataclass(frozen=True)
class Dot:
    x: float
    words: str


@dataclass(frozen=True)
class Line:
    """One way's line of a plot: the mean with its interval, and a dot for each semantic."""

    words: str
    value: str
    span: str
    worst: str
    worst_value: str
    x: float
    low: float
    high: float
    dots: tuple[Dot, ...]
    ours: bool


@dataclass(frozen=True)
class Plot:
    """One figure of all ways, in groups."""

    id: str
    words: FigureWords
    groups: tuple[tuple[str, tuple[Line, ...]], ...]
    perfect: float
    ticks: tuple[Dot, ...]


def comparison(
    evidence: Evidence, figure: str, usual: str | None, *, inversions: bool = False
) -> Plot | None:
    """Ways of the report in one figure, or the other inversions of clean pairs; None when there are none."""
    found = {
        way: figures[figure]
        for way, figures in evidence.methods.items()
        if figure in figures and (way_group(way) == "inversions") == inversions
    }
    if not found:
        return None
    axis = _axis(figure, [one.mean for one in found.values()])
    groups: dict[str, list[Line]] = {name: [] for name in GROUPS}
    for way, one in found.items():
        groups[way_group(way)].append(_line(axis, figure, way_words(way), one, ours=way == usual))
    return Plot(
        id=f"inverted-{figure}" if inversions else figure,
        words=FIGURES[figure],
        groups=tuple((GROUPS[name], tuple(lines)) for name, lines in groups.items() if lines),
        perfect=axis.at(FIGURES[figure].perfect),
        ticks=axis.ticks(figure),
    )


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float

    def at(self, value: float) -> float:
        """Per cent of the way; what lies beyond the ends stands at them."""
        if math.isnan(value):
            return 0.0
        return round(100 * min(max((value - self.low) / (self.high - self.low), 0.0), 1.0), 2)

    def ticks(self, figure: str) -> tuple[Dot, ...]:
        step = _step(self.high - self.low)
        first = math.ceil(self.low / step - 1e-9)
        count = int((self.high - first * step) / step + 1e-9) + 1
        return tuple(
            Dot(self.at((first + number) * step), said((first + number) * step, figure))
            for number in range(count)
        )


def _step(width: float) -> float:
    """A round step that an axis has two to five of."""
    rough = width / 4
    power = float(10 ** math.floor(math.log10(rough)))
    return next(power * by for by in (1, 2, 2.5, 5, 10) if power * by >= rough * 0.99)


def _axis(figure: str, means: Sequence[Interval]) -> _Axis:
    low, high = PLAIN_RANGE.get(figure, (0.0, 1.0))
    width = high - low
    ends = [end for one in means for end in (one.low, one.high) if not math.isnan(end)]
    lowest = max(min([low, *ends]), low - FARTHEST * width)
    highest = min(max([high, *ends]), high + FARTHEST * width)
    return _Axis(lowest - 0.03 * width, highest + 0.03 * width)


def _line(axis: _Axis, figure: str, words: str, one: Figure, *, ours: bool) -> Line:
    return Line(
        words=words,
        value=said(one.mean.value, figure),
        span=span(one.mean, figure),
        worst=semantic_words(one.worst),
        worst_value=said(one.each[one.worst].value, figure),
        x=axis.at(one.mean.value),
        low=axis.at(one.mean.low),
        high=axis.at(one.mean.high),
        dots=tuple(
            Dot(axis.at(each.value), f"{semantic_words(name)}: {said(each.value, figure)}")
            for name, each in one.each.items()
            if not math.isnan(each.value)
        ),
        ours=ours,
    )


# --- one pair against the average of several ----------------------------------------------------------------


@dataclass(frozen=True)
class Stop:
    """An average of so many pairs on a curve."""

    pairs: int
    x: float
    y: float
    low: float
    high: float
    value: str
    span: str


@dataclass(frozen=True)
class Series:
    """Averages of clean pairs that were all inverted in one way."""

    words: str
    usual: bool
    stops: tuple[Stop, ...]
    steps: tuple[tuple[Stop, Stop], ...]


@dataclass(frozen=True)
class Curve:
    """One figure along the number of pairs; y goes down, as drawings do."""

    words: FigureWords
    series: tuple[Series, ...]
    ticks: tuple[Dot, ...]


def averaging(evidence: Evidence) -> list[Curve]:
    """The paper's figure 9, a curve a figure; empty where there is but one size."""
    sizes = {words: by_size for words in AVERAGED if len(by_size := clean_sizes(evidence, words)) > 1}
    if not sizes:
        return []
    every = [size for by_size in sizes.values() for size in by_size]
    least, widest = math.log(min(every)), math.log(max(every)) - math.log(min(every))
    curves = []
    for figure in COMPARED:
        means = {
            inversion: {
                size: found.mean
                for size, way in by_size.items()
                if (found := evidence.figure(way, figure)) is not None
            }
            for inversion, by_size in sizes.items()
        }
        axis = _axis(figure, [mean for by_size in means.values() for mean in by_size.values()])
        series = []
        for inversion, found_means in means.items():
            stops = tuple(
                Stop(
                    pairs=size,
                    x=round(14 + 80 * (math.log(size) - least) / widest, 2),
                    y=100 - axis.at(mean.value),
                    low=100 - axis.at(mean.low),
                    high=100 - axis.at(mean.high),
                    value=said(mean.value, figure),
                    span=span(mean, figure),
                )
                for size, mean in found_means.items()
            )
            series.append(Series(AVERAGED[inversion], not inversion, stops, tuple(pairwise(stops))))
        ticks = tuple(Dot(100 - tick.x, tick.words) for tick in axis.ticks(figure))
        curves.append(Curve(FIGURES[figure], tuple(series), ticks))
    return curves


# --- directions of single pairs in two dimensions -----------------------------------------------------------


@dataclass(frozen=True)
class Cluster:
    """The points of one semantic, in a square of 100 x 100."""

    words: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Map:
    """All points once, and each semantic's own."""

    id: str
    name: str
    clusters: tuple[Cluster, ...]


def maps(projection: Projection) -> list[Map]:
    """t-SNE and PCA of the same directions."""
    return [
        Map(id, name, _clusters(projection.labels, points))
        for id, name, points in (("tsne", "t-SNE", projection.tsne), ("pca", "PCA", projection.pca))
    ]


def _clusters(labels: Sequence[str], points: Sequence[tuple[float, float]]) -> tuple[Cluster, ...]:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    width = max(max(xs) - min(xs), max(ys) - min(ys)) or 1.0
    middle = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    found: dict[str, list[tuple[float, float]]] = {}
    for label, (x, y) in zip(labels, points, strict=True):
        at = 50 + 92 * (x - middle[0]) / width, 50 - 92 * (y - middle[1]) / width
        found.setdefault(label, []).append((round(at[0], 1), round(at[1], 1)))
    return tuple(Cluster(semantic_words(label), tuple(each)) for label, each in found.items())


# --- each change on its own ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    value: str
    span: str
    worst: bool


def by_semantic(
    evidence: Evidence, way: str, figures: Sequence[str]
) -> tuple[list[FigureWords], list[tuple[str, list[Cell | None]]]]:
    """A table of one way: a line a semantic, a column a figure, the worst of each column marked."""
    found: Mapping[str, Figure] = {
        name: figure for name in figures if (figure := evidence.figure(way, name)) is not None
    }
    lines: list[tuple[str, list[Cell | None]]] = []
    for semantic in evidence.semantics:
        cells: list[Cell | None] = []
        for name, figure in found.items():
            one = figure.each.get(semantic)
            cells.append(
                Cell(said(one.value, name), span(one, name), figure.worst == semantic) if one else None
            )
        lines.append((semantic_words(semantic), cells))
    return [FIGURES[name] for name in found], lines
