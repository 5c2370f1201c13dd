"""Who asks, typed: the same two questions for pages and API."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.request import Request

from direction_commons.accounts.models import User


def person(request: HttpRequest | Request) -> User | None:
    """Who is signed in, by session or token; None: nobody."""
    return request.user if isinstance(request.user, User) else None


def signed_in(request: HttpRequest | Request) -> User:
    """Who is signed in, in views that let nobody else in (`IsAuthenticated`, `login_required`)."""
    assert isinstance(request.user, User), "this view lets only signed-in people in"
    return request.user
