"""Requests are UTF-8: one that declares another charset is refused before Django makes a request of it.

Django takes any codec that Python knows for a charset and decodes address, query and form with it: `hex` and
`rot13` crash before the first middleware, `utf-7` and `unicode_escape` carry U+0000 past every check.
Dropping the parameter would keep other words than were sent, so it is a refusal that says what to send.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.utils.http import parse_header_parameters

from direction_commons.api.errors import error_json
from direction_commons.errors import UserError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

UTF8 = ("utf-8", "utf8", "us-ascii", "ascii")


def utf8_only(application: WSGIApplication) -> WSGIApplication:
    """The application behind the check: 415 in the API's shape below /api/, a plain sentence elsewhere."""

    def checked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        error = _refused(environ.get("CONTENT_TYPE", ""))
        if error is None:
            return application(environ, start_response)
        if environ.get("PATH_INFO", "").startswith("/api/"):
            kind, body = "application/json", error_json(error).content
        else:
            kind, body = "text/plain; charset=utf-8", f"{error.message} {error.todo}\n".encode()
        head = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        start_response(f"{error.status} {HTTPStatus(error.status).phrase}", head)
        return [body]

    return checked


def _refused(content_type: str) -> UserError | None:
    charset = parse_header_parameters(content_type)[1].get("charset", "utf-8")
    if charset.strip("\"' ").lower() in UTF8:
        return None
    came = charset[:40].encode("ascii", "backslashreplace").decode()
    return UserError(
        "request:charset",
        f"The charset {came!r} came; UTF-8 is wanted.",
        "Send UTF-8, and no other charset in Content-Type.",
        status=415,
    )
