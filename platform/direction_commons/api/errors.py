"""One shape for every refusal of the API: {"error": {"code", "message", "todo", "fields"?}}."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_handler

from direction_commons.errors import UserError


def error_body(code: str, message: str, todo: str = "", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "todo": todo, **more}}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Maps user errors and DRF's own to the one shape; None leaves the rest to Django (a 500, logged)."""
    if isinstance(exc, UserError):
        return Response(error_body(exc.code, exc.message, exc.todo), status=exc.status)
    response = drf_handler(exc, context)
    if response is None:
        return None
    if isinstance(exc, exceptions.ValidationError):
        body = error_body(
            "request:invalid", "Some fields were not accepted.", "See fields.", fields=response.data
        )
    elif isinstance(exc, Http404 | exceptions.NotFound):
        body = error_body("request:not-found", "There is nothing at this address.", "Check the address.")
    elif isinstance(exc, exceptions.Throttled):
        wait = f"Try again in {int(exc.wait or 1)} seconds."
        body = error_body("request:throttled", "Too many requests.", wait)
    elif isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        body = error_body("request:unauthenticated", str(exc.detail), "Send 'Authorization: Bearer <token>'.")
    elif isinstance(exc, PermissionDenied | exceptions.PermissionDenied):
        body = error_body("request:forbidden", "This needs another account.", "Sign in as somebody who may.")
    else:
        detail = exc.detail if isinstance(exc, exceptions.APIException) else str(exc)
        code = exc.default_code if isinstance(exc, exceptions.APIException) else "error"
        body = error_body(f"request:{code}", str(detail))
    response.data = body
    return response
