"""One shape for every refusal of the API: {"error": {"code", "message", "todo", "fields"?, "reference"?}}.

What is the person's says what to do; what is ours is logged whole and answers a fixed sentence with a
reference.
"""

from __future__ import annotations

from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_handler

from direction_commons.errors import UserError, error_body, error_headers, error_reference, error_told

log = structlog.get_logger(__name__)


def error_json(error: UserError) -> JsonResponse:
    """The refusal as the answer of a view that is none of DRF's."""
    return JsonResponse(error_body(error), status=error.status, headers=error_headers(error))


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    """Maps user errors, DRF's own and everything else to the one shape."""
    told = error_told(exc)
    if told is not None:
        if told is not exc:
            log.error("api.disk-full", exc_info=exc)
        return _answer(told)
    response = drf_handler(exc, context)
    if response is None:
        return _ours(exc)
    todo = ""
    fields: dict[str, Any] = {}
    match exc:
        case exceptions.ValidationError():
            code, message, todo = "request:invalid", "Some fields were not accepted.", "See fields."
            fields = {"fields": response.data}
        case Http404() | exceptions.NotFound():
            code, message = "request:not-found", "There is nothing at this address."
            todo = "Check the address."
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            code, message = "request:unauthenticated", str(exc.detail)
            todo = "Send 'Authorization: Bearer <token>'; POST /api/v1/tokens/ gives one."
        case exceptions.PermissionDenied() if str(exc.detail).startswith("CSRF Failed"):  # DRF's own words
            code = "request:csrf"
            message = "A session was sent without the CSRF token that belongs to it, so nothing was changed."
            todo = "Send the csrftoken cookie's value as X-CSRFToken, or 'Authorization: Bearer <token>'."
        case PermissionDenied() | exceptions.PermissionDenied():
            code, message = "request:forbidden", "This needs another account."
            todo = "Sign in as somebody who may."
        case exceptions.APIException():
            code, message = f"request:{exc.default_code}", str(exc.detail)
        case _:
            code, message = "request:error", str(exc)
    response.data = error_body(UserError(code, message, todo), **fields)
    return response


def _answer(error: UserError, **more: Any) -> Response:
    return Response(error_body(error, **more), status=error.status, headers=error_headers(error))


def _ours(exc: Exception) -> Response:
    if isinstance(exc, RequestDataTooBig):
        return _answer(
            UserError("request:too-large", "The request is too large.", "Send less at once.", status=413)
        )
    if isinstance(exc, SuspiciousOperation):  # thousands of form fields, and what else Django refuses to read
        message, todo = "The request could not be understood.", "Send what the API describes."
        return _answer(UserError("request:bad", message, todo))
    reference = error_reference()
    log.error("api.crashed", reference=reference, exc_info=exc)
    if isinstance(exc, OperationalError | InterfaceError):
        message, todo = "The commons cannot reach its database.", "Nothing was done. Try again in a moment."
        error = UserError("server:unavailable", message, todo, status=503, retry_after=5)
    else:
        message = f"Something went wrong on our side. Reference {reference}"
        error = UserError("server:error", message, "Try again; if it stays, tell the operator.", status=500)
    return _answer(error, reference=reference)
