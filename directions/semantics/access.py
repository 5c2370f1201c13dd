"""The only way to load a change by its address in a request. Those that are listed are public."""

from __future__ import annotations

from direction_commons.errors import NotFound
from directions.semantics.models import Semantic
from directions.semantics.selectors import semantics_listed


def access_semantic(slug: str) -> Semantic:
    semantic = semantics_listed().filter(slug=slug).first()
    if semantic is None:
        raise NotFound("change")
    return semantic
