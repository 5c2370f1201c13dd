"""Whose pairs are in a version: so that a community direction is the community's, and no one person's.

Of the ready pairs of a series

1. the same two pictures from the same person count once (the first contribution stands), and
2. nobody has more places than the contributor in the middle has pairs, two at the least; a person's newest
   pairs take the places.

The middle is the lower median of the numbers of pairs, so that less than half of the people cannot raise it:
fifty pairs of one person beside three people with one each have two places of five. Where people contribute
alike, or only one does, everything counts. Places, and not weights: the version stays the plain average that
`inference.average` defines, with its R, ρ and step. It does not look for one person under several names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median_low
from uuid import UUID

from django.db.models import QuerySet

from directions.community.models import Series
from directions.pairs.models import Direction

PLACES = 2  # a second opinion of the same person is worth hearing even where everybody else has one pair


@dataclass(frozen=True)
class Candidate:
    """A ready direction. `pictures`: the sha256 of before and after."""

    direction: UUID
    contributor: UUID
    pictures: tuple[str, str]
    contributed_at: datetime


@dataclass(frozen=True)
class Membership:
    """Who counts, and who stands aside: `same` two pictures once more, `beyond` the person's `places`."""

    members: frozenset[UUID]
    same: frozenset[UUID]
    beyond: frozenset[UUID]
    places: int

    @property
    def ready(self) -> int:
        return len(self.members) + len(self.same) + len(self.beyond)

    @property
    def aside(self) -> int:
        return len(self.same) + len(self.beyond)


def ready_directions(series: Series) -> QuerySet[Direction]:
    """The candidates' rows."""
    return Direction.objects.filter(
        pair__semantic=series.semantic_id,
        pair__demonstration=series.demonstration,
        pair__withdrawn_at=None,
        generator=series.generator_id,
        space=series.space,
        state=Direction.State.READY,
    )


def membership_of(candidates: Iterable[Candidate]) -> Membership:
    """The rule at the head of this module. The order of the candidates does not matter."""
    same: set[UUID] = set()
    seen: set[tuple[UUID, tuple[str, str]]] = set()
    of_person: dict[UUID, list[UUID]] = defaultdict(list)  # from the oldest to the newest
    for one in sorted(candidates, key=lambda one: (one.contributed_at, one.direction)):
        if (one.contributor, one.pictures) in seen:
            same.add(one.direction)
        else:
            seen.add((one.contributor, one.pictures))
            of_person[one.contributor].append(one.direction)
    places = max(PLACES, median_low([len(own) for own in of_person.values()]) if of_person else 0)
    members = {direction for own in of_person.values() for direction in own[-places:]}
    beyond = {direction for own in of_person.values() for direction in own[:-places]}
    return Membership(frozenset(members), frozenset(same), frozenset(beyond), places)
