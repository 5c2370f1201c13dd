"""`Authorization: Bearer <token>` for the API. Tokens are compared by their sha256."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from direction_commons.accounts.models import ApiToken, User
from direction_commons.errors import UserError


class ApiTokenAuthentication(BaseAuthentication):
    """Answers the token's owner; a wrong token is a 401, no token leaves it to the session."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        if len(words) != 2:
            raise exceptions.AuthenticationFailed("The header must read 'Authorization: Bearer <token>'.")
        digest = hashlib.sha256(words[1]).hexdigest()
        people = {"user__is_active": True, "user__is_demonstration": False}
        token = ApiToken.objects.select_related("user").filter(digest=digest, **people).first()
        if token is None:
            raise exceptions.AuthenticationFailed("This token is not known, or was deleted.")
        unused = Q(last_used_at=None) | Q(last_used_at__lt=Now() - timedelta(minutes=1))
        ApiToken.objects.filter(unused, pk=token.pk).update(last_used_at=Now())
        return token.user, token

    def authenticate_header(self, request: Any) -> str:
        return self.keyword


def person_of(request: HttpRequest) -> User | AnonymousUser:
    """Who asks for a page that API clients ask for, too: a token's owner, else the session's.

    Raises UserError "request:unauthenticated" for a token that is none.
    """
    if "Authorization" in request.headers:
        try:
            found = ApiTokenAuthentication().authenticate(Request(request))
        except exceptions.AuthenticationFailed as exc:
            todo = "POST /api/v1/tokens/ gives a new one."
            raise UserError("request:unauthenticated", str(exc.detail), todo, status=401) from exc
        if found is not None:
            return found[0]
    return request.user
