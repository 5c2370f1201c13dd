"""One shape for every refusal of the API: {"error": {"code", "message", "todo", "fields"?, "reference"?}}.

What is the person's says what to do; what is ours is logged whole and answers a fixed sentence with a
reference.
"""

from __future__ import annotations

from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_handler

from direction_commons.errors import error_reference, error_told

log = structlog.get_logger(__name__)


def error_body(code: str, message: str, todo: str = "", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "todo": todo, **more}}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    """Maps user errors, DRF's own and everything else to the one shape."""
    told = error_told(exc)
    if told is not None:
        if told is not exc:
            log.error("api.disk-full", exc_info=exc)
        headers = {"Retry-After": "1"} if told.code == "idempotency:in-progress" else None
        return Response(error_body(told.code, told.message, told.todo), status=told.status, headers=headers)
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
        case exceptions.Throttled():
            code, message = "request:throttled", "Too many requests."
            todo = f"Try again in {response.headers.get('Retry-After', '1')} seconds."
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            code, message = "request:unauthenticated", str(exc.detail)
            todo = "Send 'Authorization: Bearer <token>'; POST /api/v1/tokens/ gives one."
        case PermissionDenied() | exceptions.PermissionDenied():
            code, message = "request:forbidden", "This needs another account."
            todo = "Sign in as somebody who may."
        case exceptions.APIException():
            code, message = f"request:{exc.default_code}", str(exc.detail)
        case _:
            code, message = "request:error", str(exc)
    response.data = error_body(code, message, todo, **fields)
    return response


def _ours(exc: Exception) -> Response:
    if isinstance(exc, RequestDataTooBig):
        body = error_body("request:too-large", "The request is too large.", "Send less at once.")
        return Response(body, status=413)
    if isinstance(exc, SuspiciousOperation):  # thousands of form fields, and what else Django refuses to read
        body = error_body(
            "request:bad", "The request could not be understood.", "Send what the API describes."
        )
        return Response(body, status=400)
    reference = error_reference()
    log.error("api.crashed", reference=reference, exc_info=exc)
    if isinstance(exc, OperationalError | InterfaceError):
        message, todo = "The commons cannot reach its database.", "Nothing was done. Try again in a moment."
        body = error_body("server:unavailable", message, todo, reference=reference)
        return Response(body, status=503, headers={"Retry-After": "5"})
    message = f"Something went wrong on our side. Reference {reference}"
    body = error_body(
        "server:error", message, "Try again; if it stays, tell the operator.", reference=reference
    )
    return Response(body, status=500)
