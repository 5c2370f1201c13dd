"""The only way to load a series or a version by id in a request. Both are public."""

from __future__ import annotations

from direction_commons.errors import NotFound
from directions.community.models import Series, Version


def access_series(id: int | str) -> Series:
    series = Series.objects.select_related("semantic", "generator", "latest").filter(pk=_number(id)).first()
    if series is None:
        raise NotFound("series")
    return series


def access_version(id: int | str) -> Version:
    """With its vector where that is still published (see selectors.version_vector)."""
    version = (
        Version.objects.select_related("series__semantic", "series__generator", "vector")
        .filter(pk=_number(id))
        .first()
    )
    if version is None:
        raise NotFound("version")
    return version


def _number(value: int | str) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0
