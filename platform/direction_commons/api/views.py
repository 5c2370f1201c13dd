"""The API's answer where nothing else answers."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from direction_commons.api.errors import error_json
from direction_commons.errors import UserError


@csrf_exempt
def nothing_here(request: HttpRequest, **_: str) -> JsonResponse:
    todo = "Check the address; it ends with a slash. All of them: /api/docs/."
    return error_json(UserError("request:not-found", "There is nothing at this address.", todo, status=404))
