"""The read side of the commons: every change known on a generator, and all about one.

Reads only, in a number of queries that does not grow with the page. A change's real series stands for it as
soon as there is one; demonstration series come after all real ones in every ranking, and are never counted
with them. What finders found and people named (`discover`) stands beside both and is ranked with neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from django.db.models import Case, Exists, F, OuterRef, QuerySet, When

from direction_commons.errors import UserError
from direction_commons.media.models import StoredImage
from directions.community.membership import Membership
from directions.community.models import Series, Version, VersionStrip
from directions.community.selectors import (
    Member,
    Standing,
    VersionDiff,
    pairs_at_work,
    series_loaded,
    series_membership,
    series_standing,
    series_versions,
    version_diff,
    version_is_published,
    version_members,
)
from directions.discover.selectors import Card, cards_of, components_named, semantic_proposals
from directions.generators.models import Generator
from directions.semantics.access import access_semantic
from directions.semantics.models import Semantic
from directions.semantics.selectors import semantics_like

Sort = Literal["pairs", "agreement", "newest", "name", "relevance"]
Kind = Literal["all", "real", "demonstration", "found"]
SORTS: tuple[str, ...] = get_args(Sort)
KINDS: tuple[str, ...] = get_args(Kind)
PAGE_SIZE = 24
MAX_PAGE_SIZE = 100
MAX_LISTED = 10_000  # nobody turns four hundred pages; who looks for one change searches
MAX_HITS = 500  # of a search; who has more of them types another letter
LISTED_VERSIONS = 20
LISTED_MEMBERS = 100
LISTED_COMPONENTS = 12  # beside the first page of all, and on a change's page

_ORDERS: dict[str, list[Any]] = {  # each but the name's is an index of versions
    "pairs": ["-latest__num_members", "latest__pk"],
    "agreement": [F("latest__agreement").desc(nulls_last=True), "latest__pk"],
    "newest": ["-latest__published_at", "latest__pk"],
    "name": ["semantic__normalised", "demonstration"],
}


@dataclass(frozen=True)
class Entry:
    """One card of the grid: a series, loaded by `series_loaded`, by its newest version."""

    series: Series

    @property
    def semantic(self) -> Semantic:
        return self.series.semantic

    @property
    def demonstration(self) -> bool:
        return self.series.demonstration

    @property
    def version(self) -> Version:
        assert self.series.latest is not None  # all queries ask for it
        return self.series.latest

    @property
    def pairs(self) -> int:
        return self.version.num_members

    @property
    def contributors(self) -> int:
        return self.version.num_contributors

    @property
    def strip(self) -> StoredImage | None:
        """Five pictures of one sample face side by side, from - to +."""
        return self._strip.image if self._strip else None

    @property
    def intensities(self) -> tuple[float, ...]:
        return tuple(self._strip.intensities) if self._strip else ()

    @property
    def _strip(self) -> VersionStrip | None:
        """On one of the sample faces, always the same for a change: a grid of one face tires."""
        strips = list(self.version.strips.all())
        return strips[self.series.semantic_id % len(strips)] if strips else None


@dataclass(frozen=True)
class CatalogPage:
    """One page of the grid, and what was asked for. `total` are listed; `more`: there are more than those.

    `components` are the named ones of the finders, all of them counted in `total_components`: those of this
    page where the kind "found" was asked for, the most agreed-on beside the first page of "all".
    """

    entries: tuple[Entry, ...]
    components: tuple[Card, ...]
    total_components: int
    page: int
    pages: int
    total: int
    more: bool
    query: str
    sort: str
    kind: str

    @property
    def previous(self) -> int | None:
        return self.page - 1 if self.page > 1 else None

    @property
    def next(self) -> int | None:
        return self.page + 1 if self.page < self.pages else None


def catalog_page(
    *,
    generator: Generator,
    query: str = "",
    sort: str = "",
    kind: str = "all",
    page: int = 1,
    page_size: int = PAGE_SIZE,
    components: bool = True,
) -> CatalogPage:
    """The grid, in at most eleven queries, whatever is in it.

    Unless a sorting is asked for, a search puts the best hits first, no search the most contributed ones.
    `components`: whether the finders' named ones are looked up, too.

    Raises:
        UserError: "catalog:sort", "catalog:kind", "catalog:page".
    """
    query = query.strip()
    sort = sort or ("relevance" if query else "pairs")
    if sort not in SORTS:
        raise _odd("sort", sort, SORTS)
    if kind not in KINDS:
        raise _odd("kind", kind, KINDS)
    if page < 1 or not 1 <= page_size <= MAX_PAGE_SIZE:
        raise UserError(
            "catalog:page",
            f"Page {page} of {page_size} came; page 1 or more, of 1 to {MAX_PAGE_SIZE} entries, was wanted.",
        )
    hits: list[int] = []
    if query:
        hits = list(semantics_like(query).values_list("pk", flat=True)[:MAX_HITS])
    named = components_named(generator=generator, semantics=hits if query else None)
    total_components = named[:MAX_LISTED].count() if components and kind in ("all", "found") else 0
    parts = _parts(generator, kind, sort)
    if query:
        parts = [part.filter(semantic__in=hits) for part in parts]
    counts: list[int] = []
    for part in parts:  # once there are more than are listed, the rest need not be counted
        counts.append(part[: MAX_LISTED + 1].count() if sum(counts) <= MAX_LISTED else 0)
    ordered = [_ordered(part, sort, hits) for part in parts]
    total = total_components if kind == "found" else min(sum(counts), MAX_LISTED)
    pages = max(1, -(-total // page_size))
    page = min(page, pages)
    start, stop = (page - 1) * page_size, min(page * page_size, total)
    rows = _rows(_keys(ordered, counts, start, stop))
    shown = {"found": named[start:stop], "all": named[: LISTED_COMPONENTS if page == 1 else 0]}
    return CatalogPage(
        entries=tuple(Entry(row) for row in rows),
        components=tuple(cards_of(list(shown[kind]), None)) if total_components else (),
        total_components=total_components,
        page=page,
        pages=pages,
        total=total,
        more=sum(counts) > MAX_LISTED,
        query=query,
        sort=sort,
        kind=kind,
    )


def _parts(generator: Generator, kind: str, sort: str) -> list[QuerySet[Series]]:
    """The published series of this kind, in parts that follow one another: real ones first."""
    if kind == "found":
        return []
    published = Series.objects.filter(generator=generator, latest__isnull=False)
    real, demonstration = published.filter(demonstration=False), published.filter(demonstration=True)
    if kind != "all":
        return [real if kind == "real" else demonstration]
    stands_for_it = Exists(real.filter(semantic=OuterRef("semantic")))
    if sort in ("name", "relevance"):
        return [published.exclude(stands_for_it, demonstration=True)]
    return [real, demonstration.exclude(stands_for_it)]


def _ordered(part: QuerySet[Series], sort: str, hits: Sequence[int]) -> QuerySet[Series]:
    """Relevance is the search's own order, real before demonstration at the same name."""
    if sort == "relevance" and hits:
        place = Case(*[When(semantic=hit, then=place) for place, hit in enumerate(hits)])
        return part.order_by(place, "demonstration")
    order = _ORDERS["pairs" if sort == "relevance" else sort]
    # The number is always positive: asking for it makes the join an inner one, which can follow an index.
    return part.order_by(*order) if sort == "name" else part.filter(latest__number__gt=0).order_by(*order)


def _keys(parts: list[QuerySet[Series]], counts: list[int], start: int, stop: int) -> list[int]:
    """The series from `start` to `stop` of the parts one after another."""
    keys: list[int] = []
    for part, count in zip(parts, counts, strict=True):
        if start < min(stop, count):
            keys += part.values_list("pk", flat=True)[start : min(stop, count)]
        start, stop = max(0, start - count), max(0, stop - count)
    return keys


def _rows(keys: list[int]) -> list[Series]:
    """The page's series. Their keys were sorted alone: sorting must not carry whole versions around."""
    rows = series_loaded(Series.objects.filter(pk__in=keys))
    return sorted(rows, key=lambda row: keys.index(row.pk))


@dataclass(frozen=True)
class VersionEntry:
    """A version and what changed since the one before. Not `published`: a pair that it held was withdrawn."""

    version: Version
    published: bool
    diff: VersionDiff


@dataclass(frozen=True)
class SeriesDetail:
    """One series: how it stands, its newest version with strips and members, and the versions before it.

    `latest` is None, and there are no strips and members, while no version is for use. `membership` is as of
    now: which ready pairs count, and which stand aside.
    """

    series: Series
    standing: Standing
    membership: Membership
    latest: Version | None
    strips: tuple[VersionStrip, ...]
    members: tuple[Member, ...]
    versions: tuple[VersionEntry, ...]
    total_versions: int

    @property
    def published(self) -> bool:
        return self.latest is not None and version_is_published(self.latest)


@dataclass(frozen=True)
class CatalogSemantic:
    """A change's page. Real and demonstration contributions stay apart; either may be absent.

    `at_work`: how many people's pairs are still on their way. `components`: what finders found and people
    named so; `proposals`: on how many others somebody sees it, and too few do.
    """

    semantic: Semantic
    generator: Generator
    real: SeriesDetail | None
    demonstration: SeriesDetail | None
    at_work: int
    components: tuple[Card, ...]
    proposals: int


def catalog_semantic(*, slug: str, generator: Generator) -> CatalogSemantic:
    """Everything about one change on one generator; NotFound when nothing stands behind that name."""
    semantic = access_semantic(slug)
    rows = series_loaded(Series.objects.filter(semantic=semantic, generator=generator))
    found = {row.demonstration: _detail(row) for row in rows}
    named = components_named(generator=generator, semantic=semantic)
    return CatalogSemantic(
        semantic=semantic,
        generator=generator,
        real=found.get(False),
        demonstration=found.get(True),
        at_work=pairs_at_work(semantic=semantic, generator=generator),
        components=tuple(cards_of(list(named[:LISTED_COMPONENTS]), None)),
        proposals=semantic_proposals(semantic=semantic, generator=generator),
    )


def _detail(series: Series) -> SeriesDetail:
    listed = list(series_versions(series)[:LISTED_VERSIONS])
    # The same row as series.latest, with its members.
    latest = next((version for version in listed if version.pk == series.latest_id), None)
    return SeriesDetail(
        series=series,
        standing=series_standing(series),
        membership=series_membership(series),
        latest=latest,
        strips=tuple(latest.strips.all()) if latest is not None else (),
        members=tuple(version_members(latest)[:LISTED_MEMBERS]) if latest is not None else (),
        versions=tuple(
            VersionEntry(version, version_is_published(version), version_diff(version)) for version in listed
        ),
        total_versions=listed[0].number if listed else 0,
    )


def _odd(name: str, came: str, wanted: Sequence[str]) -> UserError:
    return UserError(f"catalog:{name}", f"{name}={came[:30]!r} came; one of {', '.join(wanted)} was wanted.")
