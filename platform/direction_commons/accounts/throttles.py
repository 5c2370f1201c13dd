"""How often the doors without a key may be knocked at."""

from __future__ import annotations

import hashlib
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle


class SignUpThrottle(SimpleRateThrottle):
    """Accounts, by address."""

    scope = "sign-up"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"throttle:1:{self.scope}:{self.get_ident(request)}"


class PasswordThrottle(SignUpThrottle):
    """Passwords tried, by address."""

    scope = "password"


class PasswordOfOneThrottle(SimpleRateThrottle):
    """Passwords tried for one account, from wherever they come."""

    scope = "password-of-one"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        login = request.data.get("login") if hasattr(request.data, "get") else None
        if request.user and request.user.is_authenticated:
            login = str(request.user.pk)
        # As the door itself reads it: without spaces around it, and as PostgreSQL compares (UPPER).
        name = str(login or "").strip().upper()
        if not name:
            return None
        digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
        return f"throttle:1:{self.scope}:{digest}"
