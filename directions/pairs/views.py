"""Pages of contributions: give a pair, follow it, see what it became. No rule is decided here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import reswap, retarget

from direction_commons.accounts.models import User
from direction_commons.accounts.quotas import person_lock
from direction_commons.api.people import person, signed_in
from direction_commons.api.throttles import asker, throttle
from direction_commons.errors import UserError
from direction_commons.pages import poll_delay, refusal, sign_in_first, wants_json, went_well
from directions.pairs.access import access_pair
from directions.pairs.forms import ContributeForm, TrayForm
from directions.pairs.models import Pair
from directions.pairs.selectors import PairProgress, pair_progress
from directions.pairs.services import (
    pair_cancel,
    pair_contribute,
    pair_delete,
    pair_retry,
    pair_show,
    pair_withdraw,
)
from directions.pairs.verdicts import plain_verdict
from directions.pairs.words import little_kept, quality_rows
from directions.semantics.naming import name_normalise
from directions.tray import tray, tray_pair

NOBODY = str(UUID(int=0))  # no row has it
REMEMBERED = 20  # contributions of this session that are recognised when they come again


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def contribute(request: HttpRequest) -> HttpResponse:
    """Two pictures and a name. Whatever is refused, everything that was entered is kept."""
    user = person(request)
    if user is None:
        return sign_in_first(request, back=request.get_full_path())
    if request.method != "POST":
        initial = {"change": request.GET.get("change", "")[:60]}
        return _contribute_page(request, ContributeForm(initial=initial))
    from_tray = bool(request.POST.get("tray"))
    form = TrayForm(request.POST) if from_tray else ContributeForm(request.POST, request.FILES)
    try:
        throttle(scope="uploads", who=asker(request))
        if not form.is_valid():
            lacking = " ".join(str(errors[0]) for errors in form.errors.values())
            raise UserError("pairs:incomplete", lacking, "What you wrote is kept.")
        pair = _accept(request, user, form.cleaned_data)
    except UserError as error:
        if wants_json(request):
            return refusal(request, error)
        kept = ContributeForm(
            initial={name: request.POST.get(name) for name in ("change", "pictures_public")}
        )
        return _contribute_page(request, kept, error=error)
    return went_well(request, reverse("pairs:contribution", args=[pair.pk]))


def _contribute_page(
    request: HttpRequest, form: ContributeForm, error: UserError | None = None
) -> HttpResponse:
    context = {"form": form, "error": error, "files_lost": bool(request.FILES), "tray": tray()}
    return render(request, "pairs/contribute.html", context, status=error.status if error else 200)


def _accept(request: HttpRequest, user: User, data: dict[str, Any]) -> Pair:
    """The pair of a valid form. Sent again (its answer was lost), the same form gives the same pair.

    Not by `idempotent`: a client names its request by a key, and a form has only what is in it. So a session
    remembers by content, and what was cancelled or withdrawn since may be sent anew.
    """
    name = data["change"]
    if "tray" in data:
        entry = tray_pair(data["tray"])
        name = name or entry.change
        before, after = entry.before.read(), entry.after.read()
    else:
        before, after = data["before"].read(), data["after"].read()
    fingerprint = sha256(b"\0".join([name_normalise(name).encode(), before, after])).hexdigest()
    with transaction.atomic():
        person_lock(user=user)
        # Read anew: a twin of this request may have been first, after our session was loaded.
        session = type(request.session)(request.session.session_key)
        recent: dict[str, str] = session.get("contributed", {})
        again = Pair.objects.filter(
            pk=recent.get(fingerprint, NOBODY), contributor=user, cancelled_at=None, withdrawn_at=None
        ).first()
        if again is not None:
            return again
        pair = pair_contribute(
            contributor=user,
            semantic_name=name,
            before=before,
            after=after,
            pictures_public=data["pictures_public"],
        )
        request.session["contributed"] = {
            **dict(list(recent.items())[1 - REMEMBERED :]),
            fingerprint: str(pair.pk),
        }
        request.session.save()  # with the pair, and not after it
    return pair


def _context(request: HttpRequest, pair: Pair) -> dict[str, Any]:
    progress = pair_progress(pair)
    direction = progress.direction
    return {
        "pair": pair,
        "progress": progress,
        "direction": direction,
        "quality": quality_rows(direction.quality) if direction and direction.quality else [],
        "warning": little_kept(direction.quality) if direction and progress.state == "ready" else "",
        "text": _text(progress),
        "intensities": direction.strip_intensities if direction else [],
        "stages": ("The before picture", "The after picture", "The direction between them"),
        **poll_delay(request),
    }


def _text(progress: PairProgress) -> str:
    """How it stands; a refusal without the numbers, which stand among the details."""
    direction = progress.direction
    if direction is not None and progress.state == "refused":
        return plain_verdict(verdict=direction.verdict, generator=direction.generator)
    return progress.text


@never_cache
@login_required
@require_GET
def contribution(request: HttpRequest, id: UUID) -> HttpResponse:
    """One's own contribution: its way, and what it became."""
    return render(request, "pairs/contribution.html", _context(request, access_pair(signed_in(request), id)))


@never_cache
@require_GET
def progress(request: HttpRequest, id: UUID) -> HttpResponse:
    """The part that changes while work goes on; the whole body once it is over."""
    context = _context(request, access_pair(person(request), id))
    if context["progress"].final:
        response = render(request, "pairs/_body.html", context)
        return reswap(retarget(response, "#contribution"), "outerHTML")
    return render(request, "pairs/_progress.html", context)


@never_cache
@require_GET
def membership(request: HttpRequest, id: UUID) -> HttpResponse:
    """What the community made of it, which follows some seconds after the direction."""
    return render(request, "pairs/_membership.html", _context(request, access_pair(person(request), id)))


def _act(action: Callable[..., object], words: str, *, leave: bool = False) -> Callable[..., HttpResponse]:
    @login_required
    @require_POST
    def view(request: HttpRequest, id: UUID) -> HttpResponse:
        pair = access_pair(signed_in(request), id)
        try:
            action(pair=pair)
        except UserError as error:
            if error.status not in (409, 429):
                raise
            messages.warning(request, f"{error.message} {error.todo}")
        else:
            messages.success(request, words)
        return redirect(settings.PERSON_PAGE) if leave else redirect("pairs:contribution", id=id)

    return view


cancel = _act(pair_cancel, "Cancelled. You can start it again whenever you like.")
retry = _act(pair_retry, "Started again.")
withdraw = _act(pair_withdraw, "Withdrawn: the pictures and everything computed from them are deleted.")
show = _act(partial(pair_show, pictures_public=True), "Everybody can see the two pictures now.")
hide = _act(partial(pair_show, pictures_public=False), "Nobody but you sees the two pictures now.")
delete = _act(pair_delete, "The contribution is deleted.", leave=True)
