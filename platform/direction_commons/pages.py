"""What HTML pages of every room share: refusals as pages, error pages, and the pace of live progress.

It decides nothing about any room; a `UserError` that no view caught becomes a page with its words.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from direction_commons.api.errors import error_json
from direction_commons.api.people import person
from direction_commons.errors import UserError, error_headers, error_reference, error_told

log = structlog.get_logger(__name__)

PAUSES = (1, 2, 3, 5)  # seconds between two looks at something in progress

TITLES = {
    400: "That did not work",
    401: "Sign in first",
    403: "Not with this account",
    404: "There is nothing here",
    409: "Not now",
    410: "This is gone",
    413: "That is too much",
    415: "That is not a picture we can read",
    422: "That did not work",
    429: "A little slower, please",
    500: "Something broke on our side",
    503: "Not available right now",
    507: "There is no room left",
}


def wants_json(request: HttpRequest) -> bool:
    """A script of ours asks with exactly this; a browser that opens a page never does."""
    return request.headers.get("Accept", "").startswith("application/json")


def poll_delay(request: HttpRequest) -> dict[str, int]:
    """How long to wait before the next look, from the number of looks so far (`?look=`)."""
    try:
        look = max(0, min(int(request.GET.get("look", "0")), 10_000))
    except ValueError:
        look = 0
    return {"look": look + 1, "pause": PAUSES[min(look, len(PAUSES) - 1)]}


def refusal(request: HttpRequest, error: UserError) -> HttpResponse:
    """A `UserError` as JSON for scripts, as a page for people."""
    if wants_json(request):
        return error_json(error)
    response = page(request, error.status, message=error.message, todo=error.todo, code=error.code)
    for name, value in error_headers(error).items():
        response[name] = value
    return response


def went_well(request: HttpRequest, url: str) -> HttpResponse:
    """Where to go after a POST: a redirect for people, {"url"} for scripts."""
    return JsonResponse({"url": url}) if wants_json(request) else redirect(url)


def sign_in_first(request: HttpRequest, *, back: str) -> HttpResponse:
    """401 for scripts (they keep the form), the sign-in page for people."""
    if wants_json(request):
        error = UserError("request:unauthenticated", "Your session has ended.", "Sign in again.", status=401)
        return refusal(request, error)
    return redirect(f"{reverse('account_login')}?{urlencode({'next': back})}")


def page(request: HttpRequest, status: int, **context: Any) -> HttpResponse:
    title = TITLES.get(status, TITLES[400])
    if status == 404 and request.method == "GET" and person(request) is None:
        # Whether there is something or not, nobody who is signed out is told: the offer is always the same.
        back = urlencode({"next": request.get_full_path()})
        context["sign_in"] = f"{reverse('account_login')}?{back}"
    return render(request, "error.html", {"status": status, "title": title, **context}, status=status)


class UserErrorMiddleware:
    """Turns a `UserError` (or a full disk) out of a view into its page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        told = error_told(exception)
        if told is not None and told is not exception:
            log.error("pages.disk-full", path=request.path, exc_info=exception)
        return refusal(request, told) if told is not None else None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return page(
        request,
        400,
        message="The request could not be understood.",
        todo="Go back, reload the page and try again.",
        code="request:bad",
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return page(
        request,
        403,
        message="This needs another account.",
        todo="Sign in as somebody who may.",
        code="request:forbidden",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The token of the form is older than the session: most often somebody signed in again in another tab."""
    error = UserError(
        "request:stale-form",
        "This form is older than your session, so it was not accepted and nothing was changed.",
        "Go back, reload the page and send it again. Cookies must be allowed for this site.",
        status=403,
    )
    return refusal(request, error)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return page(
        request,
        404,
        message="There is no page at this address, or it is not yours to see.",
        todo="It may have been deleted, or it belongs to somebody else's account.",
        code="request:not-found",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """A fixed sentence and a reference under which the log has the rest."""
    reference = error_reference()
    log.error("pages.crashed", reference=reference, path=request.path, exc_info=sys.exc_info())
    try:
        return page(
            request,
            500,
            message="This is our fault, not yours. It has been written down.",
            todo="Try again in a moment. If it stays, tell the operator the reference below.",
            code="server:error",
            reference=reference,
        )
    except Exception:
        # The page itself needs the database (the session): say it without.
        log.error("pages.error-page-failed", reference=reference, exc_info=True)
        return HttpResponse(
            f"Something broke on our side. Reference {reference}.", status=500, content_type="text/plain"
        )
