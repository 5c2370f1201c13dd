"""The register of direction finders. Holds no finder and refuses unknown and repeated names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from inference.errors import RegistryError

_FINDERS: dict[str, type[Any]] = {}
_F = TypeVar("_F")


def register_finder(name: str) -> Callable[[type[_F]], type[_F]]:
    """Class decorator: make a finder known by name."""

    def register(cls: type[_F]) -> type[_F]:
        if name in _FINDERS:
            raise RegistryError(f"a second finder {name!r}", "a new name", code="registry:finder")
        _FINDERS[name] = cls
        return cls

    return register


def get_finder(name: str) -> type[Any]:
    """The registered class."""
    if name not in _FINDERS:
        raise RegistryError(f"the finder {name!r}", f"one of {finder_names()}", code="registry:finder")
    return _FINDERS[name]


def finder_names() -> list[str]:
    """All registered names, sorted."""
    return sorted(_FINDERS)
