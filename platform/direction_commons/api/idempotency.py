"""`Idempotency-Key`: a POST that is repeated (a lost answer, a double click) does its work once.

The work and the note of its answer commit in one transaction, so that a crash in between leaves neither.
While it runs, an advisory lock stands for it: a second request with the key is told so at once instead of
waiting. Refusals are not kept: whoever corrects the request may send it under the same key.

    class PairsView(APIView):
        @idempotent
        def post(self, request): ...
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.db.models.functions import Now
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from direction_commons.api.models import IdempotencyKey
from direction_commons.api.people import signed_in
from direction_commons.errors import UserError

View = TypeVar("View", bound=Callable[..., Response])
MAX_KEY = 100
KEPT_DAYS = 7


def fingerprint(request: Request) -> str:
    """sha256 of method, path, fields and files. A multipart boundary and the order of fields do not count."""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    data = request.data
    if hasattr(data, "lists"):  # a form: several values a name
        for name, values in sorted(data.lists()):
            for value in values:
                digest.update(f"{len(name)}:{name}=".encode())
                digest.update(_value_digest(value))
    else:
        digest.update(json.dumps(data, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _value_digest(value: Any) -> bytes:
    if not isinstance(value, UploadedFile):
        return hashlib.sha256(b"text " + str(value).encode()).digest()
    digest = hashlib.sha256(b"file ")
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return digest.digest()


def idempotent(post: View) -> View:
    """Wraps a POST method of a view for signed-in people. Without the header nothing changes."""

    @functools.wraps(post)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return post(view, request, *args, **kwargs)
        if not key.strip() or len(key) > MAX_KEY:
            message = f"An Idempotency-Key has 1 to {MAX_KEY} characters; this one has {len(key)}."
            raise UserError("idempotency:bad-key", message, "Send a fresh UUID with each new request.")
        user = signed_in(request)
        mark = fingerprint(request)
        with transaction.atomic():
            if not _lock(f"{user.pk} {key}"):
                message = "The first request with this Idempotency-Key is still being worked on."
                todo = "Send it again in a second: it will get the first one's answer."
                raise UserError("idempotency:in-progress", message, todo, status=409, retry_after=1)
            known = IdempotencyKey.objects.filter(user=user, key=key).first()
            if known is not None and known.fingerprint != mark:
                message = "This Idempotency-Key was used for another request."
                raise UserError("idempotency:key-reused", message, "Send a new key.", status=409)
            if known is not None:
                return Response(known.body, status=known.status, headers={"Idempotent-Replay": "true"})
            response = post(view, request, *args, **kwargs)
            IdempotencyKey.objects.create(
                user=user,
                key=key,
                fingerprint=mark,
                status=response.status_code,
                body=json.loads(JSONRenderer().render(response.data) or b"null"),
            )
            return response

    return once  # type: ignore[return-value]


def _lock(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 11))", [name])
        return bool(cursor.fetchone()[0])


def keys_forget() -> int:
    """Deletes answers that no client can still be waiting for."""
    return IdempotencyKey.objects.filter(created_at__lt=Now() - timedelta(days=KEPT_DAYS)).delete()[0]
