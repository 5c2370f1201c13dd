"""How often a door may be knocked at: one way for pages and API, by client address or by account.

Rates are `settings.THROTTLES`. Counts lie in the cache that may forget: without Valkey nobody is refused.
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import math
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

from direction_commons.api.people import person
from direction_commons.errors import UserError

Post = TypeVar("Post", bound=Callable[..., Response])


class _Throttle(SimpleRateThrottle):
    num_requests: int
    duration: int  # seconds

    def __init__(self, scope: str, who: str) -> None:
        self.scope, self.who, self.rate = scope, who, settings.THROTTLES[scope]
        super().__init__()

    def get_cache_key(self, request: Any, view: Any) -> str:
        return (
            f"throttle:2:{self.scope}:{hashlib.sha256(self.who.encode(errors='surrogatepass')).hexdigest()}"
        )


def throttle(*, scope: str, who: str) -> None:
    """Counts one more try of `who`. Raises UserError "request:throttled" (429) with Retry-After."""
    limit = _Throttle(scope, who)
    if not limit.allow_request(None, None):  # type: ignore[arg-type]
        seconds = max(1, math.ceil(limit.wait() or 1.0))
        raise UserError(
            "request:throttled",
            f"Too many requests: at most {limit.num_requests} in {limit.duration} seconds are answered.",
            f"Try again in {seconds} seconds.",
            status=429,
            retry_after=seconds,
        )


def throttled(scope: str) -> Callable[[Post], Post]:
    """Wraps a POST method of the API: each try is counted before anything is done, whatever comes of it."""

    def wrap(post: Post) -> Post:
        @functools.wraps(post)
        def counted(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            throttle(scope=scope, who=asker(request))
            return post(view, request, *args, **kwargs)

        return counted  # type: ignore[return-value]

    return wrap


def client_of(request: HttpRequest | Request) -> str:
    """The address of the client, as far as our own proxies (`TRUSTED_PROXIES`) saw it.

    Of an IPv6 address only the network counts: whoever has one address there has all of them.
    """
    address: str = BaseThrottle().get_ident(request) or ""  # type: ignore[arg-type]
    try:
        found = ipaddress.ip_address(address.strip())
    except ValueError:  # a unix socket, or a proxy that writes a port
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def asker(request: HttpRequest | Request) -> str:
    """Who asks, for `throttle`: the account, or the address where nobody is signed in."""
    user = person(request)
    return f"account {user.pk}" if user is not None else f"address {client_of(request)}"
