"""The only way to load a pair by id in a request: its contributor's own. Absent, forbidden: the same 404."""

from __future__ import annotations

import uuid

from direction_commons.accounts.models import User
from direction_commons.errors import NotFound
from directions.pairs.models import Pair


def access_pair(user: User | None, id: uuid.UUID) -> Pair:
    """The pair with its semantic and pictures; NotFound for anybody but its contributor."""
    if user is None:
        raise NotFound("pair")
    pair = (
        Pair.objects.select_related("semantic", "before", "after", "contributor")
        .filter(pk=id, contributor=user)
        .first()
    )
    if pair is None:
        raise NotFound("pair")
    return pair
