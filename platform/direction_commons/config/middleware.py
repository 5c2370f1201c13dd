"""Requests that are too large, or have U+0000 in their address, are refused before they are read or kept."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from direction_commons.api.errors import error_json
from direction_commons.errors import UserError
from direction_commons.pages import refusal

DRAINED = 64 * 1024**2  # read and thrown away, so that the browser gets to see the answer
CHUNK = 256 * 1024


class RequestSizeMiddleware:
    """Stands last in the list: it runs before the CSRF check's `process_view` reads the form.

    Smaller uploads are held in memory (see FILE_UPLOAD_MAX_MEMORY_SIZE): a picture as it came, with the place
    where it was taken, never touches the disk.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            # PostgreSQL has no text with U+0000 in it: nothing of ours has such an address.
            return self._refused(
                request, UserError("request:bad", "The address holds U+0000.", "Check the address.")
            )
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0
        most = settings.MEDIA_MAX_REQUEST_BYTES
        if length <= most:
            return self.get_response(request)
        left = min(length, DRAINED)
        while left > 0 and (chunk := request.read(min(CHUNK, left))):
            left -= len(chunk)
        file_mb, came = settings.MEDIA_MAX_BYTES // 1024**2, length / 1024**2
        message = f"The request has {came:.1f} MB; at most {most // 1024**2} MB are accepted."
        todo = f"Send pictures of at most {file_mb} MB each."
        return self._refused(request, UserError("request:too-large", message, todo, status=413))

    @staticmethod
    def _refused(request: HttpRequest, error: UserError) -> HttpResponse:
        if request.path.startswith("/api/"):
            return error_json(error)
        return refusal(request, error)
