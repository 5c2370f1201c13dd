"""Suggestions while a name is typed."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from directions.semantics.selectors import semantic_suggest


@require_GET
def suggest(request: HttpRequest) -> JsonResponse:
    """{"suggestions": [{"name", "slug"}]}, for ?q=."""
    found = semantic_suggest(request.GET.get("q", ""))
    return JsonResponse({"suggestions": [{"name": one.name, "slug": one.slug} for one in found]})
