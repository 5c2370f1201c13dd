"""Who asks, typed: the same two questions for pages and API.

Of accounts, a room above this one, only the type is known here: Django puts its person on the request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from rest_framework.request import Request

if TYPE_CHECKING:
    from direction_commons.accounts.models import User


def person(request: HttpRequest | Request) -> User | None:
    """Who is signed in, by session or token; None: nobody."""
    return request.user if request.user.is_authenticated else None


def signed_in(request: HttpRequest | Request) -> User:
    """Who is signed in, in views that let nobody else in (`IsAuthenticated`, `login_required`)."""
    assert request.user.is_authenticated, "this view lets only signed-in people in"
    return request.user
