"""The charset of a request, through the whole WSGI application: Django's test client begins behind it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from direction_commons.config.wsgi import application

pytestmark = pytest.mark.django_db(transaction=True)  # a real request closes its connection


def ask(path: str, content_type: str, *, method: str = "GET", body: bytes = b"") -> tuple[int, str, bytes]:
    """(status, Content-Type, body) of the application as a WSGI server calls it."""
    said: list[Any] = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }
    answer = application(environ, lambda status, head, *_: said.extend([status, dict(head)]))
    content = b"".join(answer)
    return int(said[0].split()[0]), said[1].get("Content-Type", ""), content


@pytest.mark.parametrize(
    "parameter",
    [
        *(f"charset={name}" for name in ("hex", "rot13", "idna", "punycode", "base64", "utf-7", "UTF-16")),
        'charset="unicode_escape"',
        "CharSet=hex",
        "charset*=utf-8''hex",
        "charset=latin-1",
        "charset=",
        "charset=nope",
    ],
)
@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=b", "application/json"])
def test_another_charset_than_utf8_is_refused_in_words(parameter: str, kind: str) -> None:
    status, answered, body = ask("/api/v1/tokens/", f"{kind}; {parameter}", method="POST", body=b"{}")
    assert (status, answered) == (415, "application/json")
    assert json.loads(body)["error"]["code"] == "request:charset"
    status, answered, body = ask("/accounts/login/", f"{kind}; {parameter}")
    assert (status, answered) == (415, "text/plain; charset=utf-8")
    assert b"Send UTF-8" in body


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "text/plain; charset=utf-8", 'a/b; charset="UTF-8"', "a/b; charset=US-ASCII", ";;=;"],
)
def test_utf8_and_ascii_are_let_through_however_they_are_written(kind: str) -> None:
    assert ask("/accounts/login/", kind)[0] == 200
