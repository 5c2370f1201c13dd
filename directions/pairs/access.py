"""The only way to load a pair by id in a request: its contributor's own. Absent, forbidden: the same 404."""

from __future__ import annotations

import uuid
from typing import Any

from direction_commons.errors import NotFound
from directions.generators.models import Generator
from directions.pairs.models import Direction, Pair


def access_pair(user: Any, id: uuid.UUID | str) -> Pair:
    """The pair with its semantic and pictures; NotFound for anybody but its contributor."""
    if not user.is_authenticated:
        raise NotFound("contribution")
    pair = (
        Pair.objects.select_related("semantic", "before", "after", "contributor")
        .filter(pk=_uuid(id), contributor=user)
        .first()
    )
    if pair is None:
        raise NotFound("contribution")
    return pair


def access_direction(user: Any, id: uuid.UUID | str, generator: Generator | None = None) -> Direction:
    """The finished direction with this id of one of the person's own pairs."""
    if not user.is_authenticated:
        raise NotFound("direction")
    rows = Direction.objects.select_related(
        "pair__semantic", "generator", "before_inversion", "after_inversion"
    )
    rows = rows.filter(pk=_uuid(id), pair__contributor=user, state=Direction.State.READY)
    direction = (rows.filter(generator=generator) if generator else rows).first()
    if direction is None:
        raise NotFound("direction")
    return direction


def _uuid(value: uuid.UUID | str) -> uuid.UUID:
    try:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(value)
    except ValueError:
        return uuid.UUID(int=0)  # no row has it
