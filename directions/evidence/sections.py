"""Any section of a report as plain tables: what the page has no better words for is shown all the same.

Named numbers make a table of two columns, named rows of named numbers one of several; what is deeper becomes
tables under each other. Long lists of numbers (points of a projection) are only counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from directions.evidence.reading import is_interval, is_number
from directions.evidence.words import FIGURES, decimal, semantic_words, way_words

DEEPEST = 5
LONGEST = 20  # of a list that is written out
TITLES = {
    "area": "Share of the picture that each change fills",
    "bars": "Goals",
    "directions": "Directions of each way and change",
    "inapplicable": "Changes that cannot show",
    "judge": "The judge",
    "options": "How much was measured",
    "paired": "Differences on the same faces and pairs",
    "ratios": "One way over another on the same faces and pairs",
    "subpopulations": "Parts of the people",
    "superposition": "Two sliders at once",
    "themselves": "Directions among themselves",
    "two_changes": "Two changes in one pair",
}


@dataclass(frozen=True)
class Table:
    """Column names without the first one, which names the rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def headed(self) -> bool:
        """Whether its columns have names."""
        return any(self.columns)


def section_tables(title: str, value: Any, depth: int = 0) -> list[Table]:
    """The tables of a section, those of its parts under "title, part"."""
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        value = {str(number): row for number, row in enumerate(value, 1)}
    if not isinstance(value, dict) or not value:
        return [Table(title, ("",), (("", (_cell(value),)),))]
    if all(_is_leaf(part) for part in value.values()):
        return [Table(title, ("",), tuple((_name(name), (_cell(part),)) for name, part in value.items()))]
    if all(isinstance(part, dict) and part and not _is_leaf(part) for part in value.values()) and all(
        _is_leaf(cell) for part in value.values() for cell in part.values()
    ):
        return [_matrix(title, value)]
    flat = {name: part for name, part in value.items() if _is_leaf(part)}
    deep = {name: part for name, part in value.items() if name not in flat}
    tables = section_tables(title, flat, depth) if flat else []
    for name, part in deep.items():
        if depth >= DEEPEST:
            tables.append(Table(f"{title}, {_name(name)}", ("",), (("", ("in report.json",)),)))
        else:
            tables += section_tables(f"{title}, {_name(name)}", part, depth + 1)
    return tables


def section_words(name: str) -> str:
    words = TITLES.get(name) or _name(name)
    return words[:1].upper() + words[1:]


def _matrix(title: str, value: Mapping[str, Mapping[str, Any]]) -> Table:
    columns = list(dict.fromkeys(name for row in value.values() for name in row))
    rows = tuple(
        (_name(name), tuple(_cell(row[column]) if column in row else "–" for column in columns))
        for name, row in value.items()
    )
    return Table(title, tuple(_name(column) for column in columns), rows)


def _name(name: str) -> str:
    if name in FIGURES:
        return FIGURES[name].name
    words = [way_words(part) for part in name.split(" − ")]
    return " minus ".join(words) if " − " in name or words[0] != name else semantic_words(name)


def _is_leaf(value: Any) -> bool:
    if isinstance(value, dict):
        return is_interval(value) or _is_figure(value)
    return not isinstance(value, list) or not any(isinstance(one, dict) for one in value)


def _is_figure(value: Mapping[str, Any]) -> bool:
    worst = value.get("worst")
    return is_interval(value.get("mean")) and isinstance(worst, dict) and "semantic" in worst


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        if _is_figure(value):
            worst = value["worst"]
            more = f", {_cell(worst['value'])}" if "value" in worst else ""
            return f"{_cell(value['mean'])}; worst {semantic_words(str(worst['semantic']))}{more}"
        if is_interval(value):
            return f"{_cell(value['value'])} ({_cell(value['low'])} to {_cell(value['high'])})"
        return "nothing"
    if isinstance(value, list):
        return ", ".join(map(_cell, value)) if len(value) <= LONGEST else f"{len(value)} values"
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not is_number(value):
        return str(value)[:300]
    if isinstance(value, int) or (float(value).is_integer() and abs(value) >= 10):
        return decimal(float(value), 0)
    return decimal(float(value), 3 if abs(value) < 1 else 2)
