"""The only way to a picture by its id in a request. Absent and forbidden look the same."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError

from direction_commons.accounts.models import User
from direction_commons.errors import NotFound
from direction_commons.media.models import StoredImage


def access_image(user: User | AnonymousUser, id: uuid.UUID | str) -> StoredImage:
    """The picture, if it is public or the person's own. Raises NotFound."""
    try:
        image = StoredImage.objects.get(pk=id)
    except (StoredImage.DoesNotExist, ValidationError, ValueError):
        raise NotFound("picture") from None
    if image.public or (user.is_authenticated and image.owner_id == user.pk):
        return image
    raise NotFound("picture")
