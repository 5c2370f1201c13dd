"""The only way to load an inversion by id in a request: whoever may see the picture may see its inversion."""

from __future__ import annotations

import uuid
from typing import Any

from direction_commons.errors import NotFound
from direction_commons.media.access import access_image
from directions.inversions.models import Inversion


def access_inversion(user: Any, id: uuid.UUID) -> Inversion:
    inversion = Inversion.objects.select_related("image", "generator", "reconstruction").filter(pk=id).first()
    if inversion is None:
        raise NotFound("inversion")
    try:
        access_image(user, inversion.image_id)
    except NotFound:
        raise NotFound("inversion") from None
    return inversion
