"""Pages of the studio: pick a photo, wait for it, edit it. No rule is decided here."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from direction_commons.accounts.models import User
from direction_commons.api.errors import error_json
from direction_commons.api.people import person, signed_in
from direction_commons.api.throttles import asker, throttle
from direction_commons.errors import UserError
from direction_commons.pages import poll_delay, refusal, sign_in_first, wants_json, went_well
from directions.generators.selectors import default_generator
from directions.studio.access import access_own_photo, access_photo
from directions.studio.models import Photo
from directions.studio.previews import judgement, preview, throttle_previews
from directions.studio.recipes import recipe_compose, recipe_document
from directions.studio.selectors import photo_progress, photos_foreign, photos_of, sample_photos
from directions.studio.services import photo_create, photo_delete, photo_prepare
from directions.studio.sliders_page import editor_context, steps_of_query
from directions.studio.steps import KINDS, Step, steps_parse

PHOTOS_A_PAGE = 24


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """My photos, the samples, and a place to put a new photo."""
    user = person(request)
    if request.method == "POST":
        if user is None:
            return sign_in_first(request, back=reverse("studio:index"))
        return _upload(request, user)
    return render(request, "studio/index.html", _index_context(request, user))


def _index_context(request: HttpRequest, user: User | None) -> dict[str, Any]:
    page = None
    if user is not None:
        page = Paginator(photos_of(user=user), PHOTOS_A_PAGE).get_page(request.GET.get("page"))
    return {
        "page": page,
        "foreign": photos_foreign(page) if page is not None else set(),
        "samples": list(sample_photos()),
        "steps_query": steps_query(request),
    }


def steps_query(request: HttpRequest) -> str:
    """The sliders that a link asked for ("use it in the studio"), carried on to whichever photo is chosen."""
    kept = request.GET.copy()
    for name in list(kept):
        if name.partition(":")[0] not in KINDS:
            del kept[name]
    return kept.urlencode(safe=":")


def _upload(request: HttpRequest, user: User) -> HttpResponse:
    upload = request.FILES.get("photo")
    try:
        throttle(scope="uploads", who=asker(request))
        if upload is None:
            raise UserError("studio:no-file", "No picture was chosen.", "Choose a JPEG, PNG or WebP file.")
        photo = photo_create(owner=user, data=upload)
    except UserError as error:
        if wants_json(request):
            return refusal(request, error)
        context = {**_index_context(request, user), "error": error}
        return render(request, "studio/index.html", context, status=error.status)
    query = steps_query(request)
    return went_well(request, reverse("studio:photo", args=[photo.pk]) + (f"?{query}" if query else ""))


@never_cache
@require_GET
def photo(request: HttpRequest, id: UUID) -> HttpResponse:
    """The editor, or how far the photo is on its way there.

    The first look since the default generator changed asks for the photo's inversion on the new one.
    """
    user = person(request)
    photo = access_photo(user, id)
    generator = default_generator()
    photo_prepare(photo=photo, generator=generator)
    return render(request, "studio/photo.html", _photo_context(request, photo))


def _photo_context(request: HttpRequest, photo: Photo) -> dict[str, Any]:
    user, generator = person(request), default_generator()
    progress = photo_progress(photo=photo, generator=generator)
    context = {
        "photo": photo,
        "mine": user is not None and photo.owner_id == user.pk,
        "generator": generator,
        "progress": progress,
        "steps_query": steps_query(request),
        **poll_delay(request),
    }
    if progress.state == "ready":
        context |= editor_context(
            user=user, photo=photo, generator=generator, inversion=progress.inversion, query=request.GET
        )
    return context


@never_cache
@require_GET
def progress(request: HttpRequest, id: UUID) -> HttpResponse:
    """The part of the photo's page that changes while it waits."""
    photo = access_photo(person(request), id)
    return render(request, "studio/_photo_body.html", _photo_context(request, photo))


@never_cache
@require_http_methods(["GET", "POST"])
def preview_image(request: HttpRequest, id: UUID) -> HttpResponse:
    """The edited picture itself. GET (steps in the address) serves pages without scripts."""
    user = person(request)
    try:
        throttle_previews(request)
        photo = access_photo(user, id)
        picture = preview(
            user=user,
            photo=photo,
            generator=default_generator(),
            steps=_steps(request),
            format=request.GET.get("format", "webp"),
        )
    except UserError as error:
        return error_json(error)  # a script or an <img> asked: nobody would see a page
    return HttpResponse(picture.data, content_type=picture.content_type)


@never_cache
@require_POST
def domain(request: HttpRequest, id: UUID) -> HttpResponse:
    """Whether the edit that the editor shows leaves what the generator draws well."""
    user = person(request)
    try:
        throttle_previews(request)
        judged = judgement(
            user=user,
            photo=access_photo(user, id),
            generator=default_generator(),
            steps=_steps(request),
        )
    except UserError as error:
        return error_json(error)  # a script asked, as above
    return JsonResponse({"outside": judged.outside})


@require_POST
def download(request: HttpRequest, id: UUID) -> HttpResponse:
    """The edited picture in full, without loss."""
    throttle_previews(request)
    user = person(request)
    photo = access_photo(user, id)
    picture = preview(
        user=user, photo=photo, generator=default_generator(), steps=_steps(request), format="png"
    )
    response = HttpResponse(picture.data, content_type=picture.content_type)
    response["Content-Disposition"] = f'attachment; filename="{_file_name(photo)}.png"'
    return response


@require_POST
def recipe(request: HttpRequest, id: UUID) -> HttpResponse:
    """The edit, written down, as a file; nothing of it is kept here."""
    user = person(request)
    photo = access_photo(user, id)
    composed = recipe_compose(user=user, photo=photo, generator=default_generator(), steps=_steps(request))
    response = JsonResponse(recipe_document(composed), json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="{_file_name(photo)}-recipe.json"'
    return response


def _file_name(photo: Photo) -> str:
    return f"{slugify(photo.name) or 'photo'}-edited"


def _steps(request: HttpRequest) -> list[Step]:
    """Steps from JSON {"steps": [...]}, or from the sliders of a form."""
    if request.content_type == "application/json":
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError) as error:
            raise UserError(
                "studio:steps", "The request's body is not JSON.", 'Send {"steps": […]}.'
            ) from error
        return steps_parse(body.get("steps") if isinstance(body, dict) else body)
    return steps_of_query(request.POST if request.method == "POST" else request.GET)


@login_required
@require_POST
def delete(request: HttpRequest, id: UUID) -> HttpResponse:
    photo_delete(photo=access_own_photo(signed_in(request), id))
    messages.success(request, "The photo and everything made from it are deleted.")
    return redirect("studio:index")
