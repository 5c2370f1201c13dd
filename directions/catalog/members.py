"""The pictures behind a version's members, where their contributors let them be shown. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from directions.pairs.models import Direction


@dataclass(frozen=True)
class MemberPictures:
    """The two pictures of one pair that may be shown to everybody."""

    before: UUID
    after: UUID


def member_pictures(ids: Sequence[str]) -> dict[str, MemberPictures]:
    """By the opaque id of a member; the others are absent. One query."""
    rows = Direction.objects.filter(
        pk__in=ids,
        pair__pictures_public=True,
        pair__withdrawn_at=None,
        pair__before__public=True,
        pair__after__public=True,
    ).values_list("pk", "pair__before_id", "pair__after_id")
    return {str(pk): MemberPictures(before, after) for pk, before, after in rows}
