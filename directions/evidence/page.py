"""Everything that one report's page shows, put together from its numbers; templates only lay it out."""

from __future__ import annotations

from dataclasses import dataclass

from directions.evidence.limits import Goal, Limits, goals, limits
from directions.evidence.models import Report, StripRow
from directions.evidence.plots import (
    COMPARED,
    Cell,
    Curve,
    Map,
    Plot,
    averaging,
    by_semantic,
    comparison,
    maps,
)
from directions.evidence.reading import Evidence, Interval
from directions.evidence.sections import Table, section_tables, section_words
from directions.evidence.telling import Headline, Paper, headlines, paper, usual_way, usual_words
from directions.evidence.words import FIGURES, FigureWords, decimal, pairs_of, said, semantic_words, way_words

FACES_SHOWN_FIRST = 4  # of a strip on a narrow screen
SHOWN_ELSEWHERE = {"bundle", "measured", "methods", "projection", "seconds"}


@dataclass(frozen=True)
class Picture:
    """A row of a strip, with the words beside it and for who does not see it."""

    row: StripRow
    words: str
    said: str


@dataclass(frozen=True)
class Strip:
    """One semantic's rows: those that tell the story, and all other ways."""

    words: str
    value: str
    worst: bool
    first: tuple[Picture, ...]
    more: tuple[Picture, ...]


@dataclass(frozen=True)
class AllFigures:
    """Every way in every figure, as researchers read it."""

    columns: tuple[FigureWords, ...]
    rows: tuple[tuple[str, tuple[tuple[str, str, str, str] | None, ...]], ...]


@dataclass(frozen=True)
class ReportPage:
    usual: str
    headlines: list[Headline]
    paper: list[Paper]
    strips: list[Strip]
    plots: list[Plot]
    inverted: list[Plot]
    curves: list[Curve]
    changes: tuple[list[FigureWords], list[tuple[str, list[Cell | None]]]] | None
    maps: list[Map]
    more: list[tuple[str, list[Table]]]
    everything: AllFigures
    limits: Limits
    goals: list[Goal]

    @property
    def goals_met(self) -> int:
        return sum(goal.met for goal in self.goals)


def report_page(report: Report, evidence: Evidence) -> ReportPage:
    usual = usual_way(evidence)
    rows: dict[str, list[StripRow]] = {}
    for row in report.rows.select_related("image"):
        rows.setdefault(row.semantic, []).append(row)
    plots = [comparison(evidence, figure, usual) for figure in COMPARED]
    inverted = [comparison(evidence, figure, usual, inversions=True) for figure in COMPARED]
    return ReportPage(
        usual=usual_words(evidence),
        headlines=headlines(evidence),
        paper=paper(evidence),
        strips=_strips(rows, evidence, usual),
        plots=[plot for plot in plots if plot is not None],
        inverted=[plot for plot in inverted if plot is not None],
        curves=averaging(evidence),
        changes=by_semantic(evidence, usual, ("effect", "edit_share", "excess_entanglement", "success"))
        if usual
        else None,
        maps=maps(evidence.projection) if evidence.projection is not None else [],
        more=[
            (section_words(name), section_tables(section_words(name), value))
            for name, value in evidence.data.items()
            if name not in SHOWN_ELSEWHERE
        ],
        everything=_everything(evidence),
        limits=limits(evidence, rows),
        goals=goals(evidence),
    )


def _strips(rows: dict[str, list[StripRow]], evidence: Evidence, usual: str | None) -> list[Strip]:
    share = evidence.figure(usual, "edit_share") if usual else None
    strips = []
    for semantic in evidence.semantics:
        pictures = [_picture(row, semantic) for row in rows.get(semantic, [])]
        first = [one for one in pictures if _tells(one.row.way, usual)]
        value = share.each.get(semantic) if share is not None else None
        strips.append(
            Strip(
                words=semantic_words(semantic),
                value=said(value.value, "edit_share") if value is not None else "",
                worst=share is not None and share.worst == semantic,
                first=tuple(first),
                more=tuple(one for one in pictures if one not in first),
            )
        )
    return strips


def _picture(row: StripRow, semantic: str) -> Picture:
    words, change = way_words(row.way), semantic_words(semantic)
    told = {
        "before": f"{row.faces} faces as they are",
        "after": f"The same {row.faces} faces truly drawn with another {change}",
        "own": f"That, as the machine draws it: the best that any direction could do for {change}",
    }
    return Picture(row, words, told.get(row.way, f"The {row.faces} faces with {change} changed by: {words}"))


def _tells(way: str, usual: str | None) -> bool:
    """The faces, the truth, one pair, and the average that headlines are of."""
    pairs = pairs_of(way)
    return way in ("before", "after", "own", usual) or (
        pairs is not None and pairs.size == 1 and pairs.kind == "clean"
    )


def _everything(evidence: Evidence) -> AllFigures:
    columns = [name for name in FIGURES if any(name in figures for figures in evidence.methods.values())]
    rows = []
    for way, figures in evidence.methods.items():
        cells: list[tuple[str, str, str, str] | None] = []
        for name in columns:
            figure = figures.get(name)
            if figure is None:
                cells.append(None)
                continue
            worst = figure.each[figure.worst]
            cells.append(
                (
                    decimal(figure.mean.value),
                    _range(figure.mean),
                    semantic_words(figure.worst),
                    decimal(worst.value),
                )
            )
        rows.append((way_words(way), tuple(cells)))
    return AllFigures(tuple(FIGURES[name] for name in columns), tuple(rows))


def _range(interval: Interval) -> str:
    return f"{decimal(interval.low)} to {decimal(interval.high)}"
