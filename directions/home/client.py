"""The API from outside, over the standard library alone: the example of a client that the walkthrough is.

It knows tokens, JSON, multipart and what a busy server asks for, and nothing of what is asked; whatever is
refused or odd becomes one sentence.
"""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class WalkthroughFailed(Exception):
    """Something is not as it should be; the sentence says what."""


class Busy(WalkthroughFailed):
    """The server asks to try again in a moment."""


@dataclass
class Answer:
    status: int
    data: bytes
    content_type: str

    def json(self) -> Any:
        return json.loads(self.data)


class Client:
    """The API over urllib: bearer token, JSON and multipart, and a sentence for every refusal."""

    def __init__(self, url: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise WalkthroughFailed(
                f"The address {url!r} came; one such as http://127.0.0.1:8000 was wanted."
            )
        self.url = url.rstrip("/")
        self.token = ""
        self.busy = 0  # how often it was asked to try again

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        fields: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
        key: str = "",
    ) -> Answer:
        """One request; anything but a success raises WalkthroughFailed with the server's own words.

        A busy server (503) is asked again, three times: that is what its answer tells a client to do.
        """
        headers = {"Accept": "application/json"}
        data: bytes | None = None
        if files is not None:
            data, headers["Content-Type"] = multipart(fields or {}, files)
        elif body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        address = path if path.startswith("http") else self.url + path
        request = urllib.request.Request(address, data=data, headers=headers, method=method)
        for pause in (1.0, 3.0, 9.0):
            try:
                return self._send(request)
            except Busy:
                self.busy += 1
                time.sleep(pause)
        return self._send(request)

    def _send(self, request: urllib.request.Request) -> Answer:
        name = f"{request.get_method()} {request.selector}"
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, answer.read(), answer.headers.get_content_type())
        except urllib.error.HTTPError as error:
            kind = Busy if error.code == 503 else WalkthroughFailed
            raise kind(f"{name} answered {error.code}: {_words(error.read())}") from error
        except (urllib.error.URLError, OSError) as error:
            why = getattr(error, "reason", error)
            raise WalkthroughFailed(
                f"Nothing answers at {self.url} ({name}: {why}). Start it with `make run`, or give its --url."
            ) from error


def multipart(fields: Mapping[str, str], files: Mapping[str, bytes]) -> tuple[bytes, str]:
    """A multipart/form-data body and its content type."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, data in files.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.png"\r\n'
        parts.append(head.encode() + b"Content-Type: image/png\r\n\r\n" + data + b"\r\n")
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def _words(data: bytes) -> str:
    try:
        error = json.loads(data)["error"]
        fields = f" {json.dumps(error['fields'])}" if "fields" in error else ""
        return f"{error['code']}: {error['message']} {error['todo']}{fields}".strip()
    except (ValueError, KeyError, TypeError):
        return " ".join(data[:200].decode(errors="replace").split())  # no answer of this program
