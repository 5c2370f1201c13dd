"""Reading a report of `python -m inference evaluate`: text in, checked numbers out. No database, no pictures.

What pages rely on is checked here, once and strictly; sections that are not known stay plain data and are
told as tables. A report's words are data: nothing of it is ever a file name, an address or markup.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeGuard

from direction_commons.errors import UserError

MAX_BYTES = 4 * 1024**2  # a whole report of fourteen semantics has half a megabyte
MAX_METHODS = 100
MAX_SEMANTICS = 64
MAX_POINTS = 2000
WRITE_AGAIN = "Write it again with `python -m inference evaluate --bundle … --report DIR`."
MAX_CASES = 32
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CASE = re.compile(r"(?=.{1,80}$)[a-z]+( [a-z0-9]+)+")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval; nan where it could not be measured."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Figure:
    """One figure of one way: its mean over the semantics, the worst one, and all."""

    mean: Interval
    worst: str
    each: Mapping[str, Interval]


@dataclass(frozen=True)
class Projection:
    """Directions of single pairs in two dimensions, twice; a label for each point."""

    labels: tuple[str, ...]
    pca: tuple[tuple[float, float], ...]
    tsne: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Evidence:
    """A report that was read. `methods`: way -> figure -> Figure; `data` is all of it, as plain data."""

    digest: str
    measured: datetime
    faces: int
    pairs: int
    semantics: tuple[str, ...]
    methods: Mapping[str, Mapping[str, Figure]]
    projection: Projection | None
    strips: Mapping[str, tuple[str, ...]]  # semantic -> the ways that its strip shows, from top to bottom
    cases: tuple[str, ...]  # in which a change cannot show: each has pictures of its own
    data: Mapping[str, Any] = field(repr=False)

    def figure(self, way: str, figure: str) -> Figure | None:
        return self.methods.get(way, {}).get(figure)

    def number(self, *path: str) -> Interval | None:
        """A single number, or one with its interval, anywhere in the report; None where there is none."""
        found: Any = self.data
        for name in path:
            if not isinstance(found, dict) or name not in found:
                return None
            found = found[name]
        if is_interval(found):
            return Interval(*(_float(found[part]) for part in ("value", "low", "high")))
        return Interval(*[float(found)] * 3) if is_number(found) else None

    def names(self, section: str) -> list[str]:
        """The names in a section that holds named things; none where it is another thing."""
        found = self.data.get(section)
        return list(found) if isinstance(found, dict) else []

    def words(self, *path: str) -> str:
        """A short text anywhere in the report; "" where there is none."""
        found: Any = self.data
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return found[:100] if isinstance(found, str) else ""


def report_data(text: str) -> Any:
    """The report as plain data that JSON can hold: what is no number or beyond any, as NaN or 1e999, is None.

    Raises ValueError, or RecursionError where it is nested too deeply.
    """
    return json.loads(text, parse_constant=lambda _: None, parse_float=_finite, parse_int=_whole)


def _finite(text: str) -> float | None:
    found = float(text)
    return found if math.isfinite(found) else None


def _whole(text: str) -> int | float | None:
    return int(text) if len(text) <= 15 else _finite(text)  # what a float holds exactly


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_interval(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and {"value", "low", "high"} <= set(value)
        and all(value[part] is None or is_number(value[part]) for part in ("value", "low", "high"))
    )


def evidence_parse(text: str) -> Evidence:
    """Raises UserError "evidence:broken" (no JSON) or "evidence:report" (something is missing or odd)."""
    try:
        data = report_data(text)
    except (ValueError, RecursionError) as error:
        raise UserError(
            "evidence:broken", f"report.json is no whole JSON file: {error}.", WRITE_AGAIN
        ) from error
    report = _Place(data, "report.json")
    bundle, options = report["bundle"], report["options"]
    semantics = tuple(name.name() for name in options["semantics"].items(MAX_SEMANTICS))
    methods = {
        name: {figure: _figure(place) for figure, place in found.fields(MAX_SEMANTICS)}
        for name, found in report["methods"].fields(MAX_METHODS)
    }
    return Evidence(
        digest=bundle["digest"].text(_DIGEST, "a sha256"),
        measured=report["measured"].moment(),
        faces=options["faces"].count(),
        pairs=options["pairs"].count(),
        semantics=semantics,
        methods=methods,
        projection=_projection(report["projection"]) if "projection" in data else None,
        strips={name: _shown(place, methods) for name, place in report["strips"].fields(MAX_SEMANTICS)},
        cases=_cases(report),
        data=data,
    )


def _figure(place: _Place) -> Figure:
    each = {name: found.interval() for name, found in place["each"].fields(MAX_SEMANTICS)}
    worst = place["worst"]["semantic"].name()
    if worst not in each:
        raise place["worst"].refused(f"one of {', '.join(each)}")
    return Figure(place["mean"].interval(), worst, each)


def _shown(place: _Place, methods: Mapping[str, object]) -> tuple[str, ...]:
    ways = tuple(way.value for way in place.items(MAX_METHODS))
    if any(not isinstance(way, str) or way not in methods for way in ways):
        raise place.refused("names of methods")
    return ways


def _cases(report: _Place) -> tuple[str, ...]:
    if not report.value.get("inapplicable"):
        return ()
    found = report["inapplicable"].fields(MAX_CASES)
    wanted = "a case's name (several words in small letters)"
    return tuple(_Place(name, place.at).text(_CASE, wanted) for name, place in found)


def _projection(place: _Place) -> Projection:
    labels = tuple(label.name() for label in place["labels"].items(MAX_POINTS))

    def points(name: str) -> tuple[tuple[float, float], ...]:
        found = place[name].items(MAX_POINTS)
        if len(found) != len(labels):
            raise place[name].refused(f"{len(labels)} points, as many as labels")
        pairs = [point.items(2) for point in found]
        if any(len(pair) != 2 or not all(is_number(one.value) for one in pair) for pair in pairs):
            raise place[name].refused("points of two numbers")
        return tuple((float(x.value), float(y.value)) for x, y in pairs)

    return Projection(labels, points("pca"), points("tsne"))


@dataclass(frozen=True)
class _Place:
    """A value of the report and where it stands, so that a refusal names the place."""

    value: Any
    at: str

    def refused(self, wanted: str) -> UserError:
        came = json.dumps(self.value)
        short = came if len(came) <= 60 else came[:60] + "…"
        return UserError("evidence:report", f"{self.at} is {short}; {wanted} was wanted.", WRITE_AGAIN)

    def __getitem__(self, name: str) -> _Place:
        if not isinstance(self.value, dict) or name not in self.value:
            raise UserError("evidence:report", f"{self.at} has no {name!r}.", WRITE_AGAIN)
        return _Place(self.value[name], f"{self.at}: {name}")

    def fields(self, most: int) -> list[tuple[str, _Place]]:
        if not isinstance(self.value, dict) or not 0 < len(self.value) <= most:
            raise self.refused(f"1 to {most} named values")
        if any(len(name) > 100 for name in self.value):
            raise self.refused("names of at most 100 letters")
        return [(name, _Place(value, f"{self.at}: {name}")) for name, value in self.value.items()]

    def items(self, most: int) -> list[_Place]:
        if not isinstance(self.value, list) or not 0 < len(self.value) <= most:
            raise self.refused(f"a list of 1 to {most}")
        return [_Place(value, f"{self.at}: {number}") for number, value in enumerate(self.value)]

    def text(self, pattern: re.Pattern[str], wanted: str) -> str:
        if not isinstance(self.value, str) or not pattern.fullmatch(self.value):
            raise self.refused(wanted)
        return self.value

    def name(self) -> str:
        return self.text(_NAME, "a semantic's name (small letters and _)")

    def count(self) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not 0 < self.value < 10**9:
            raise self.refused("a whole number from 1 on")
        return self.value

    def interval(self) -> Interval:
        if not is_interval(self.value):
            raise self.refused("value, low and high, each a number")
        return Interval(*(_float(self.value[part]) for part in ("value", "low", "high")))

    def moment(self) -> datetime:
        try:
            found = datetime.fromisoformat(self.value)
        except (TypeError, ValueError):
            raise self.refused("a time such as 2026-01-31T12:00:00+00:00") from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)
