"""What the community does when a pair was derived, withdrawn or deleted. Runs inside that transaction."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from directions.community.models import Series
from directions.community.services import (
    members_withdraw,
    semantic_forget,
    series_get_or_create,
    series_refresh_request,
)
from directions.pairs.models import Direction, Pair
from directions.pairs.signals import pair_derived, pair_withdrawn


@receiver(pair_derived)
def refresh(*, direction: Direction, **_: Any) -> None:
    series_refresh_request(series=series_get_or_create(direction=direction))


@receiver(pair_withdrawn)
def withdraw(*, pair: Pair, directions: list[tuple[str, int, str]], **_: Any) -> None:
    keys: dict[tuple[int, str], list[str]] = defaultdict(list)
    for direction, generator, space in directions:
        keys[generator, space].append(direction)
    for (generator, space), gone in sorted(keys.items()):
        series = Series.objects.filter(
            semantic=pair.semantic_id, generator=generator, space=space, demonstration=pair.demonstration
        ).first()
        if series is not None:
            members_withdraw(series=series, directions=gone)


@receiver(post_delete, sender=Pair)
def forget(*, instance: Pair, **_: Any) -> None:
    """After the commit, in a transaction of its own: the pair's own holds locks that others wait for.

    Should the process die in between, the name is listed nowhere, and goes with the next pair that bears it.
    """
    transaction.on_commit(partial(semantic_forget, semantic_id=instance.semantic_id), robust=True)
