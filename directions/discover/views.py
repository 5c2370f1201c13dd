"""The Discover pages: what the machine found by itself, and what people say of it. No rule stands here."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from direction_commons.api.people import person
from direction_commons.api.throttles import asker, throttle
from direction_commons.errors import UserError
from direction_commons.pages import sign_in_first
from directions.discover.access import access_component
from directions.discover.models import Component
from directions.discover.selectors import FINDER_TITLES, Card, cards_of, component_list, search_of
from directions.discover.services import opinion_name, opinion_reject, opinion_withdraw
from directions.generators.access import generator_or_default
from directions.generators.selectors import active_generators

PAGE_SIZE = 6
FACES = 2  # of a card in the list; its own page has them all
WHICH_WORDS = {"unsettled": "All", "open": "Without a name", "named": "Named", "rejected": "Set aside"}


@never_cache
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The components of a generator, a few a page."""
    generator = generator_or_default(request.GET.get("generator"))
    which = request.GET.get("which") or "unsettled"
    finder = request.GET.get("finder", "")
    rows = component_list(generator=generator, which=which, finder=finder)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    wishes = {"which": request.GET.get("which", ""), "finder": finder}
    wishes |= {"generator": request.GET.get("generator", "")}
    context = {
        "generator": generator,
        "drawn_world": generator.drawn_world,
        "cards": cards_of(list(page), person(request)),
        "page": page,
        "query_string": urlencode({name: wish for name, wish in wishes.items() if wish}),
        "which": which,
        "finder": finder,
        "kinds": WHICH_WORDS,
        "finders": FINDER_TITLES,
        "search": search_of(generator),
        "generators": active_generators(),
        "faces": FACES,
        "full": False,
        "here": request.get_full_path(),
    }
    return render(request, "discover/index.html", context)


@never_cache
@require_safe
def component(request: HttpRequest, id: UUID) -> HttpResponse:
    """One component on all sample faces, with where it comes from."""
    row = access_component(id)
    return render(request, "discover/component.html", _one(request, row))


def _one(request: HttpRequest, row: Component) -> dict[str, Any]:
    (card,) = cards_of([row], person(request))
    return {
        "card": card,
        "generator": row.generator,
        "drawn_world": row.generator.drawn_world,
        "faces": len(card.strips),
        "full": True,
        "here": reverse("discover:component", args=[row.pk]),
    }


@require_POST
def opinion(request: HttpRequest, id: UUID) -> HttpResponse:
    """Name it, set it aside, or take that back; the card as it is then for a script, else where one was."""
    here = _back(request, id)
    user = person(request)
    if user is None:
        answer = sign_in_first(request, back=here)
        by_script = request.headers.get("HX-Request") == "true"
        return HttpResponseClientRedirect(answer["Location"]) if by_script else answer
    row = access_component(id)
    error: UserError | None = None
    said = request.POST.get("say", "")
    change = request.POST.get("change", "")
    try:
        throttle(scope="opinions", who=asker(request))
        if said == "nothing":
            opinion_reject(person=user, component=row)
        elif said == "withdraw":
            opinion_withdraw(person=user, component=row)
        else:
            opinion_name(person=user, component=row, change=change, end=request.POST.get("end", ""))
    except UserError as refused:
        error = refused
    if request.headers.get("HX-Request") == "true":
        (card,) = cards_of([access_component(id)], user)
        full = request.POST.get("full") == "1"
        context = {
            "card": card,
            "error": error,
            "typed": change if error else "",
            "typed_end": request.POST.get("end", "") if error else "",
            "told": "" if error else _told(card),
            "faces": len(card.strips) if full else FACES,
            "full": full,
            "here": here,
        }
        return render(request, "discover/_card.html", context)
    if error is not None:
        messages.error(request, f"{error.message} {error.todo}")
    else:
        (card,) = cards_of([access_component(id)], user)
        messages.success(request, f"{card.title}: {_told(card)}")
    return redirect(f"{here}#component-{id}")


def _told(card: Card) -> str:
    """What the person is told after having said something."""
    mine = card.mine
    if mine is None:
        return "Taken back."
    if mine.semantic is None:
        if card.component.state == Component.State.REJECTED:
            return "Noted. As enough people see nothing in it, it is set aside."
        return "Noted: you see nothing one could name."
    if card.component.state == Component.State.NAMED and card.component.semantic == mine.semantic:
        return f"Noted. People agree: it is in the catalog as “{mine.semantic.name}”."
    return f"Noted: to you it is “{mine.semantic.name}”."


def _back(request: HttpRequest, id: UUID) -> str:
    """The page that the form stood on, if it is one of ours."""
    wanted = request.POST.get("here", "")
    ours = wanted.startswith(reverse("discover:index"))
    if ours and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return wanted
    return reverse("discover:component", args=[id])
