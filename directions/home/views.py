"""The front page, the about page, and a person's own page: they show every room, so they stand above all."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from direction_commons.accounts.models import ApiToken
from direction_commons.api.people import signed_in
from direction_commons.errors import UserError
from direction_commons.pages import poll_delay
from directions.generators.selectors import default_generator, generator_list
from directions.home.selectors import FrontPage, front_page
from directions.inversions.selectors import inversion_of
from directions.pairs.selectors import pair_state, pairs_of
from directions.studio.models import Photo
from directions.studio.selectors import photos_foreign, photos_of
from directions.studio.sliders_page import editor_context

PAIRS_A_PAGE = 20
PHOTOS_SHOWN = 12


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, shown: a face whose sliders work without an account."""
    try:
        generator = default_generator()
    except UserError:
        return render(request, "home/no_generator.html", status=503)
    page = front_page(generator=generator)
    context: dict[str, Any] = {"page": page, "generator": generator}
    progress = page.face_progress
    if page.face is not None and progress is not None and progress.state == "ready":
        chosen = next((face for face in page.faces if str(face.pk) == request.GET.get("face")), page.face)
        context |= {"chosen": chosen, "editor": _editor(request, chosen, page)}
    return render(request, "home/home.html", context)


def _editor(request: HttpRequest, face: Photo, page: FrontPage) -> dict[str, Any]:
    return editor_context(
        user=None,
        photo=face,
        generator=page.generator,
        inversion=inversion_of(image=face.image, generator=page.generator),
        query=request.GET,
        sliders=page.sliders,
    )


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "home/about.html", {"generators": generator_list()})


@never_cache
@login_required
@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """All that is mine: pairs, photos, tokens, the account."""
    user = signed_in(request)
    photos = list(photos_of(user=user)[:PHOTOS_SHOWN])
    page = Paginator(pairs_of(user), PAIRS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "pairs": [(pair, pair_state(pair)) for pair in page],
        "photos": photos,
        "foreign": photos_foreign(photos),
        "num_photos": photos_of(user=user).count(),
        "tokens": ApiToken.objects.filter(user=user).order_by("-created_at"),
    }
    return render(request, "home/me.html", context)


@never_cache
@require_safe
def demo(request: HttpRequest) -> HttpResponse:
    """The demonstration's progress, for the place that shows it."""
    return render(request, "demonstration/_fragment.html", {"look": poll_delay(request)["look"] - 1})
