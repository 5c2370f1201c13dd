"""Pages of evidence: what was measured on each generator. Everything here is public."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from directions.evidence.access import access_report
from directions.evidence.page import report_page
from directions.evidence.selectors import measured, measured_list
from directions.evidence.telling import headlines, trained_words, usual_words
from directions.generators.access import access_generator


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every generator with its figures in short, or that it was not measured yet."""
    entries = [
        {
            "measured": one,
            "headlines": headlines(one.evidence) if one.evidence else [],
            "usual": usual_words(one.evidence) if one.evidence else "",
            "trained": trained_words(one.evidence) if one.evidence else "",
        }
        for one in measured_list()
    ]
    return render(request, "evidence/index.html", {"entries": entries})


@require_safe
def report(request: HttpRequest, slug: str) -> HttpResponse:
    """One generator's whole report; without one, how an operator makes it."""
    found = measured(access_generator(slug))
    context: dict[str, Any] = {
        "generator": found.generator,
        "report": found.report,
        "evidence": found.evidence,
    }
    if found.report is None or found.evidence is None:
        return render(request, "evidence/unmeasured.html", context)
    seconds = found.evidence.number("seconds")
    context |= {
        "trained": trained_words(found.evidence),
        "page": report_page(found.report, found.evidence),
        "minutes": max(1, round(seconds.value / 60)) if seconds is not None else None,
    }
    return render(request, "evidence/report.html", context)


@require_safe
def download(request: HttpRequest, slug: str) -> HttpResponse:
    """report.json, byte for byte as it was imported."""
    found = access_report(slug)
    response = HttpResponse(found.text, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="evidence-{found.generator.slug}.json"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
