"""Errors by fault. A `UserError` is told to the person; anything else is ours and goes to the log.

Pages and API show the same `code`, `message` and `todo`; see `direction_commons.api.errors`.
"""

from __future__ import annotations

import secrets


class UserError(Exception):
    """Something the person can act on.

    Args:
        code: stable id, `room:what` ("media:too-large"); clients may rely on it.
        message: what is wrong, said with both what came and what was wanted.
        todo: what to do next.
        status: the HTTP status of the refusal.
    """

    def __init__(self, code: str, message: str, todo: str = "", *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.todo = todo
        self.status = status


class NotFound(UserError):
    """Absent and forbidden look the same."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}:not-found", f"There is no such {what}.", "Check the address.", status=404)


def error_reference() -> str:
    """A number that a person can quote and that the log entry carries."""
    return secrets.token_hex(4).upper()
