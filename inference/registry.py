"""One register of named classes, used for generators, encoders, finders and averagers.

A class registers itself beside its definition. A register refuses unknown and repeated names; it holds no
class of its own and knows nothing of what it registers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from inference.errors import RegistryError

_Base = TypeVar("_Base")
_Class = TypeVar("_Class", bound=type[Any])


class Registry(Generic[_Base]):
    """Classes of one `kind` ("generator", "finder" …) by name."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._classes: dict[str, type[_Base]] = {}

    def register(self, name: str) -> Callable[[_Class], _Class]:
        """Class decorator: make a class known by name."""

        def remember(cls: _Class) -> _Class:
            if name in self._classes:
                raise RegistryError(
                    f"a second {self.kind} {name!r}", "a new name", code=f"registry:{self.kind}"
                )
            self._classes[name] = cls
            return cls

        return remember

    def get(self, name: str) -> type[_Base]:
        """The class registered under `name`."""
        if name not in self._classes:
            raise RegistryError(
                f"the {self.kind} {name!r}", f"one of {self.names()}", code=f"registry:{self.kind}"
            )
        return self._classes[name]

    def build(self, name: str, config: Mapping[str, Any]) -> _Base:
        """The class called with `config` as keywords."""
        cls = self.get(name)
        try:
            inspect.signature(cls).bind(**config)  # not the call itself: its own TypeErrors are our mistakes
        except TypeError as error:
            raise RegistryError(
                f"configuration {dict(config)} ({error})",
                f"the options that the {self.kind} {name!r} takes",
                code=f"registry:{self.kind}-config",
            ) from error
        return cls(**config)

    def names(self) -> list[str]:
        """All registered names, sorted."""
        return sorted(self._classes)
