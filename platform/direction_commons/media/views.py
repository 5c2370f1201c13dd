"""Pictures over HTTP. Bytes go out as they lie in the storage: nothing is decoded or scaled in a request."""

from __future__ import annotations

import uuid

import structlog
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from direction_commons.accounts.authentication import person_of
from direction_commons.errors import NotFound, UserError
from direction_commons.media.access import access_image
from direction_commons.media.models import PREVIEW_SIDES

log = structlog.get_logger(__name__)
WIDTHS = (64, 128, *PREVIEW_SIDES)


@require_safe
def image(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """`/media/<uuid>/`, with `?w=` the smallest stored copy that is large enough.

    Private pictures are asked for again each time (304 after the access check), so that nothing of them shows
    up for the next person at the same browser; a person's public ones, too, for they may be withdrawn. What
    the program made for everybody never changes and may be kept for a day.
    """
    stored = access_image(person_of(request), id)
    width = request.GET.get("w")
    if width is not None and width not in {str(one) for one in WIDTHS}:
        sizes = ", ".join(map(str, WIDTHS))
        raise UserError(
            "media:no-such-size", f"Pictures come in widths {sizes}; {width!r} was asked.", "Use one."
        )
    path = stored.path_for(int(width) if width else None)
    content_type = stored.content_type if path == stored.path else "image/webp"
    etag = f'"{path.rsplit("/", 1)[-1]}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        try:
            response = FileResponse(default_storage.open(path), content_type=content_type)
        except FileNotFoundError:
            log.error("media.file-missing", image=str(stored.pk), path=path)
            raise NotFound("picture") from None
    response["ETag"] = etag
    kept = stored.public and stored.owner_id is None
    response["Cache-Control"] = "public, max-age=86400, immutable" if kept else "private, no-cache"
    response["Content-Disposition"] = f'inline; filename="{stored.pk}.{content_type.split("/")[1]}"'
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["X-Content-Type-Options"] = "nosniff"
    return response
