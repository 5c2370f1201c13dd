"""For every page: is what it shows a drawn world (the footer says so), and is a title enough to name it?"""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from directions.generators.models import Generator


def drawn_world(request: HttpRequest) -> dict[str, object]:
    """`drawn_world`: does the default generator draw? `several_generators`: then pages name their slugs, too.

    Asked of the database only where a template asks.
    """
    return {
        "drawn_world": SimpleLazyObject(
            lambda: Generator.objects.filter(is_default=True, drawn_world=True).exists()
        ),
        "several_generators": SimpleLazyObject(lambda: Generator.objects.count() > 1),
    }
