"""The only way to load a change by its address in a request. Changes are public."""

from __future__ import annotations

from direction_commons.errors import NotFound
from directions.semantics.models import Semantic


def access_semantic(slug: str) -> Semantic:
    semantic = Semantic.objects.filter(slug=slug).first()
    if semantic is None:
        raise NotFound("change")
    return semantic
