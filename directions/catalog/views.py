"""Pages of the catalog. Everything here is public; whose a pair is, is not shown."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from direction_commons.api.people import person
from directions.catalog.members import member_pictures
from directions.catalog.selectors import CatalogPage, SeriesDetail, catalog_page, catalog_semantic
from directions.community.models import Version
from directions.community.words import points_elsewhere
from directions.generators.access import generator_or_default
from directions.generators.selectors import active_generators

LIGHT = 0.5  # a member with less than half of its equal share of weight is drawn hollow
DOT = 22  # pixels of the drawing that a dot needs
SORT_WORDS = {
    "relevance": "Best match",
    "pairs": "Most pairs",
    "agreement": "Most agreed on",
    "newest": "Newest",
    "name": "By name",
}
KIND_WORDS = {
    "all": "All",
    "real": "By people",
    "found": "Found by the machine",
    "demonstration": "Demonstration",
}


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The grid; only its results when a script asks for them while somebody types."""
    generator = generator_or_default(request.GET.get("generator"))
    query = request.GET.get("q", "")[:60]
    found = catalog_page(
        generator=generator,
        query=query,
        sort=request.GET.get("sort", ""),
        kind=request.GET.get("kind") or "all",
        page=_page(request.GET.get("page", "1")),
    )
    context = {
        "generator": generator,
        "drawn_world": generator.drawn_world,  # of the one shown, which is at hand: no second question
        "found": found,
        "query_string": _query_string(request, found),
        "sorts": SORT_WORDS,
        "kinds": KIND_WORDS,
        "generators": active_generators(),
    }
    partial = request.headers.get("HX-Request") == "true" and request.headers.get("HX-Target") == "results"
    response = render(request, "catalog/_results.html" if partial else "catalog/index.html", context)
    response["Vary"] = "HX-Request, Cookie"
    return response


def _page(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 9 and int(text) else 1


def _query_string(request: HttpRequest, found: CatalogPage) -> str:
    wishes = {"q": found.query, "sort": request.GET.get("sort", "")}
    wishes |= {
        "kind": found.kind if found.kind != "all" else "",
        "generator": request.GET.get("generator", ""),
    }
    return urlencode({name: wish for name, wish in wishes.items() if wish})


@require_safe
def semantic(request: HttpRequest, slug: str) -> HttpResponse:
    """One change: strips on several faces, versions, members, files."""
    generator = generator_or_default(request.GET.get("generator"))
    found = catalog_semantic(slug=slug, generator=generator)
    both = [one for one in (found.real, found.demonstration) if one is not None]
    shown = next((one for one in both if one.latest is not None), None)
    other = found.demonstration if shown is not found.demonstration else None
    context: dict[str, Any] = {
        "found": found,
        "semantic": found.semantic,
        "generator": generator,
        "detail": shown,
        "formats": _files(shown.latest) if shown and shown.latest else [],
        "other": other if other and other.latest else None,
        "told": [one for one in both if one.standing.text],
        "signed_in": person(request) is not None,
    }
    if shown:
        context |= _members(shown)
    return render(request, "catalog/semantic.html", context)


def _files(version: Version) -> list[dict[str, str]]:
    address = f"/api/v1/community/versions/{version.pk}"
    return [{"name": name, "url": f"{address}.{name}"} for name in ("safetensors", "npz", "json")]


def _members(detail: SeriesDetail) -> dict[str, Any]:
    """The newest version's pairs, laid out on an axis of cosines so that dots do not cover each other."""
    pictures = member_pictures([member.direction for member in detail.members])
    pairs = detail.latest.num_members if detail.latest else 0
    cosines = [member.cosine for member in detail.members]
    low = -1.0 if min(cosines, default=0.0) < 0 else 0.0
    rows: list[float] = []  # the rightmost dot of each row; members come from the largest cosine down
    placed = []
    for member in detail.members:
        x = 20 + 960 * (member.cosine - low) / (1 - low)
        row = next((number for number, last in enumerate(rows) if last - x >= DOT), len(rows))
        rows[row : row + 1] = [x]
        placed.append((member, round(x, 1), row))
    axis = DOT * max(1, len(rows)) + 6
    members = [
        {
            "member": member,
            "number": number,
            "elsewhere": points_elsewhere(member.cosine, cosines),
            "x": x,
            "y": axis - DOT * row - 14,
            "pictures": pictures.get(member.direction),
            "light": member.weight * pairs < LIGHT,
        }
        for number, (member, x, row) in enumerate(placed, start=1)
    ]
    ticks = [-1, -0.5, 0, 0.5, 1] if low else [0, 0.25, 0.5, 0.75, 1]
    return {
        "members": members,
        "public_members": [one for one in members if one["pictures"]],
        "elsewhere": sum(one["elsewhere"] for one in members),
        "faint": sum(one["light"] for one in members),
        "lowest": min(cosines, default=0.0),
        "highest": max(cosines, default=0.0),
        "dots_axis": axis,
        "dots_height": axis + 40,
        "ticks": [
            {"x": 20 + 960 * (tick - low) / (1 - low), "words": f"{tick:g}".replace("-", "−")}
            for tick in ticks
        ],
    }
