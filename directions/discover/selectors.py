"""Reads on components: the list with its tallies, one person's opinions, and components as the library's own.

A named component is served turned so that + shows its change; one without a name as it was found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args
from uuid import UUID

import numpy as np
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from direction_commons.accounts.models import User
from direction_commons.errors import UserError
from direction_commons.jobs.models import Job
from directions.discover.models import Component, ComponentStrip, Opinion
from directions.discover.services import FIND
from directions.generators.models import Generator
from directions.inversions.codes import Codes, codes_pack, codes_sha256, codes_unpack
from directions.semantics.models import Semantic
from inference.finders.component import Component as LibraryComponent

Which = Literal["unsettled", "open", "named", "rejected", "all"]
WHICH: tuple[str, ...] = get_args(Which)
FINDER_TITLES = {"ganspace": "GANSpace", "sefa": "SeFa"}


@dataclass(frozen=True)
class NameTally:
    """How many people say that this end shows this change."""

    change: str
    slug: str
    end: int
    people: int

    @property
    def sign(self) -> str:
        return sign(self.end)


@dataclass(frozen=True)
class Card:
    """A component with everything that a page shows of it; `mine` is what the person who looks said."""

    component: Component
    names: tuple[NameTally, ...]
    mine: Opinion | None

    @property
    def strips(self) -> list[ComponentStrip]:
        return list(self.component.strips.all())

    @property
    def strip(self) -> ComponentStrip:
        """On one of the sample faces, always the same for a component: a grid of one face tires."""
        return self.strips[self.component.index % len(self.strips)]

    @property
    def title(self) -> str:
        return component_title(self.component)

    @property
    def finder(self) -> str:
        return FINDER_TITLES.get(self.component.finder, self.component.finder)

    @property
    def files(self) -> list[dict[str, str]]:
        """Its downloads, for pages."""
        address = f"/api/v1/components/{self.component.pk}"
        return [{"name": name, "url": f"{address}.{name}"} for name in ("safetensors", "npz", "json")]

    @property
    def turned(self) -> bool:
        """Whether a page that shows it by its name reads its strips from right to left."""
        return self.component.end == -1


@dataclass(frozen=True)
class Search:
    """How far the search on a generator is: components that are shown, set aside, still drawn, or lost."""

    shown: int
    named: int
    rejected: int
    waiting: int
    failed: int
    searching: bool


def sign(end: int | None) -> str:
    """ "+" or "-", as the API takes and gives it; "" for none."""
    return {1: "+", -1: "-"}.get(end or 0, "")


def component_title(component: Component) -> str:
    """What it is called where it has no name: "SeFa 3"."""
    return f"{FINDER_TITLES.get(component.finder, component.finder)} {component.index + 1}"


def has_opinions() -> Exists:
    """Of a change: that somebody says of a component that it shows it."""
    return Exists(Opinion.objects.filter(semantic=OuterRef("pk")))


def components_shown() -> QuerySet[Component]:
    """Those whose pictures are there, with all that they are shown by but the vector."""
    return (
        Component.objects.filter(drawn_at__isnull=False)
        .select_related("generator", "semantic")
        .defer("vector")
        .prefetch_related("strips")
    )


def component_list(
    *,
    generator: Generator,
    which: str = "unsettled",
    finder: str = "",
    semantic: Semantic | None = None,
    semantics: Collection[int] | QuerySet[Any, Any] | None = None,
) -> QuerySet[Component]:
    """The most telling of each finder first. "unsettled" leaves out what people set aside.

    Args:
        semantic: only those of this name. semantics: only those whose name is among these.
    Raises:
        UserError: "discover:which", "discover:finder".
    """
    if which not in WHICH:
        raise UserError(
            "discover:which", f"{which[:30]!r} came; one of {', '.join(WHICH)} was wanted.", "Leave it out."
        )
    if finder and finder not in FINDER_TITLES:
        raise UserError(
            "discover:finder",
            f"The finder {finder[:30]!r} came; one of {', '.join(FINDER_TITLES)} was wanted.",
            "Leave it out.",
        )
    rows = components_shown().filter(generator=generator)
    if which == "unsettled":
        rows = rows.exclude(state=Component.State.REJECTED)
    elif which != "all":
        rows = rows.filter(state=which)
    if finder:
        rows = rows.filter(finder=finder)
    if semantic is not None:
        rows = rows.filter(semantic=semantic)
    if semantics is not None:
        rows = rows.filter(semantic__in=semantics)
    return rows.order_by("index", "finder", "pk")


def components_named(
    *,
    generator: Generator,
    semantic: Semantic | None = None,
    semantics: Collection[int] | QuerySet[Any, Any] | None = None,
) -> QuerySet[Component]:
    """What people agree on a name for, the most agreed-on first."""
    rows = component_list(generator=generator, which="named", semantic=semantic, semantics=semantics)
    return rows.order_by("-num_agreeing", "semantic__normalised", "pk")


def named_by_ids(*, generator: Generator, ids: Sequence[str]) -> dict[str, Component]:
    """Those of these that bear a name on this generator, with their vectors, by id."""
    rows = Component.objects.filter(
        pk__in=ids, generator=generator, state=Component.State.NAMED, drawn_at__isnull=False
    ).select_related("semantic")
    return {str(row.pk): row for row in rows}


def cards_of(components: Sequence[Component], person: User | None) -> list[Card]:
    """The cards of a page: two queries, however many they are."""
    ids = [component.pk for component in components]
    names: dict[UUID, list[NameTally]] = defaultdict(list)
    counted = (
        Opinion.objects.filter(component__in=ids, semantic__isnull=False)
        .values("component", "semantic__name", "semantic__slug", "end")
        .annotate(people=Count("pk"))
        .order_by("-people", "semantic__name", "end")
    )
    for row in counted:
        assert row["end"] is not None  # a name has one: the table's constraint
        names[row["component"]].append(
            NameTally(row["semantic__name"], row["semantic__slug"], row["end"], row["people"])
        )
    mine: dict[UUID, Opinion] = {}
    if person is not None:
        said = Opinion.objects.filter(component__in=ids, person=person).select_related("semantic")
        mine = {opinion.component_id: opinion for opinion in said}
    return [Card(one, tuple(names[one.pk]), mine.get(one.pk)) for one in components]


def search_of(generator: Generator) -> Search:
    """What there is on this generator, and what is still to come."""
    drawn = Q(drawn_at__isnull=False)
    counted = Component.objects.filter(generator=generator).aggregate(
        shown=Count("pk", filter=drawn & ~Q(state=Component.State.REJECTED)),
        named=Count("pk", filter=drawn & Q(state=Component.State.NAMED)),
        rejected=Count("pk", filter=drawn & Q(state=Component.State.REJECTED)),
        waiting=Count("pk", filter=~drawn & Q(failed="")),
        failed=Count("pk", filter=~drawn & ~Q(failed="")),
    )
    searching = Job.objects.filter(
        kind=FIND, group=str(generator.pk), state__in=[Job.State.QUEUED, Job.State.RUNNING]
    ).exists()
    return Search(**counted, searching=searching)


def semantic_proposals(*, semantic: Semantic, generator: Generator) -> int:
    """On how many components somebody sees this change, but too few do for a name."""
    asked = Opinion.objects.filter(semantic=semantic, component__generator=generator)
    return asked.exclude(component__state=Component.State.NAMED).values("component").distinct().count()


def component_vector(component: Component) -> Codes:
    """The unit vector float32 [L, D], turned to its name's end."""
    return codes_unpack(component.vector, component.shape) * np.float32(component.end or 1)


def component_digest(component: Component) -> str:
    """sha256 of what `component_vector` gives."""
    return codes_sha256(codes_pack(component_vector(component))[0])


def file_name(component: Component, extension: str) -> str:
    """What its file is called: by its change, where it has one, and by where it comes from."""
    found = f"{component.finder}-{component.index + 1:02d}"
    return f"{component.semantic.slug}-{found}.{extension}" if component.semantic else f"{found}.{extension}"


def component_load(component: Component) -> LibraryComponent:
    """The library's Component, for strips, edits and downloads."""
    if codes_sha256(component.vector) != component.vector_digest:
        raise ValueError(f"the vector of component {component.pk} does not have the digest that was found")
    return LibraryComponent(
        vector=component_vector(component),
        step=component.step,
        space=component.space,
        digest=component.bundle_digest,
        metric_weights=np.asarray(component.generator.metric_weights, dtype=np.float32),
        finder=component.finder,
        index=component.index,
        samples=component.samples,
        seed=component.seed,
        explained=component.explained,
        options=dict(component.options),
    )


def opinions_export(user: User) -> list[dict[str, Any]]:
    """What this room holds on a person, ready for JSON; registered with accounts."""
    said = Opinion.objects.filter(person=user).select_related("component__generator", "semantic")
    return [
        {
            "component": str(opinion.component_id),
            "found": f"{component_title(opinion.component)} on {opinion.component.generator.slug}",
            "change": opinion.semantic.name if opinion.semantic else None,
            "end": sign(opinion.end) or None,
            "rejected": opinion.semantic is None,
            "said_at": opinion.said_at.isoformat(),
        }
        for opinion in said.defer("component__vector").order_by("said_at", "pk")
    ]
