"""Pages of the generators."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from directions.generators.selectors import generator_list


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every generator that this commons knows."""
    return render(request, "generators/index.html", {"generators": generator_list()})
