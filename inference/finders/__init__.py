"""Ways to find a direction. `Direction` is torch-free; the pair finder is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inference.finders.direction import Direction as Direction

if TYPE_CHECKING:
    from inference.finders.pair import PairDifference as PairDifference
    from inference.finders.pair import direction_from_codes as direction_from_codes
    from inference.finders.pair import find_direction as find_direction

_PAIR = ("PairDifference", "direction_from_codes", "find_direction")


def __getattr__(name: str) -> Any:
    if name in _PAIR:
        return getattr(import_module("inference.finders.pair"), name)
    raise AttributeError(f"module 'inference.finders' has no attribute {name!r}")
