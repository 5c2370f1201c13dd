"""The only way to load a generator by its address in a request. Generators are public."""

from __future__ import annotations

from direction_commons.errors import NotFound
from directions.generators.models import Generator
from directions.generators.selectors import default_generator


def access_generator(slug: str) -> Generator:
    generator = Generator.objects.filter(slug=slug).first()
    if generator is None:
        raise NotFound("generator")
    return generator


def generator_or_default(slug: str | None) -> Generator:
    """`?generator=` of a page or API call."""
    return access_generator(slug) if slug else default_generator()
