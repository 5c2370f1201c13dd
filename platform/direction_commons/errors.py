"""Errors by fault. A `UserError` is told to the person; anything else is ours and goes to the log.

Pages and API show the same `code`, `message` and `todo`: `error_body` is the one shape of every refusal.
"""

from __future__ import annotations

import errno
import secrets
from typing import Any


class UserError(Exception):
    """Something the person can act on.

    Args:
        code: stable id, `room:what` ("media:too-large"); clients may rely on it.
        message: what is wrong, said with both what came and what was wanted.
        todo: what to do next.
        status: the HTTP status of the refusal.
        retry_after: seconds after which the same request may be sent again.
    """

    def __init__(
        self, code: str, message: str, todo: str = "", *, status: int = 400, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.todo = todo
        self.status = status
        self.retry_after = retry_after


class NotFound(UserError):
    """Absent and forbidden look the same."""

    def __init__(self, what: str) -> None:
        code = f"{what.replace(' ', '-')}:not-found"
        super().__init__(code, f"There is no such {what}.", "Check the address.", status=404)


def error_body(error: UserError, **more: Any) -> dict[str, Any]:
    """The one shape of refusals in JSON, for the API and for scripts of our pages."""
    return {"error": {"code": error.code, "message": error.message, "todo": error.todo, **more}}


def error_headers(error: UserError) -> dict[str, str]:
    return {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}


NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
POSTGRES_NO_ROOM = "53100"


def error_told(exc: BaseException) -> UserError | None:
    """What a person is told of an exception: a user error, a full disk (ours or PostgreSQL's), or nothing."""
    if isinstance(exc, UserError):
        return exc
    cause: BaseException | None = exc
    while cause is not None:
        full = isinstance(cause, OSError) and cause.errno in NO_ROOM
        if full or getattr(cause, "pgcode", None) == POSTGRES_NO_ROOM:
            message = "The commons has no room left on its disk; nothing was kept."
            todo = "Nothing that was there is lost. Try again later; the operator has been told."
            return UserError("server:disk-full", message, todo, status=507)
        cause = cause.__cause__
    return None


def error_reference() -> str:
    """A number that a person can quote and that the log entry carries."""
    return secrets.token_hex(4).upper()
