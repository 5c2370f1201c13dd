"""All addresses of the API, below /api/v1/. Rooms above the platform are named by string only."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from direction_commons.api.views import nothing_here

ROOMS = [
    "direction_commons.accounts",
    "directions.tray",
    "directions.semantics",
    "directions.generators",
    "directions.evidence",
    "directions.inversions",
    "directions.pairs",
    "directions.community",
    "directions.discover",
    "directions.catalog",
    "directions.studio",
]

urlpatterns: list[URLPattern | URLResolver] = [
    *[path("", include(f"{room}.api_urls")) for room in ROOMS],
    path("<path:rest>", nothing_here),
]
