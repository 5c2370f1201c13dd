"""The only way to load a photo or recipe by its id in a request. Absent and forbidden are the same 404."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from direction_commons.accounts.models import User
from direction_commons.errors import NotFound, UserError
from directions.studio.models import Photo, Recipe


def access_photo(user: User | None, id: UUID | str) -> Photo:
    """A photo to look at and edit: one's own, or a sample."""
    mine = Q(owner=None) if user is None else Q(owner=None) | Q(owner=user)
    photo = Photo.objects.filter(mine, pk=_uuid(id, "photo")).select_related("image").first()
    if photo is None:
        raise NotFound("photo")
    return photo


def access_own_photo(user: User, id: UUID | str) -> Photo:
    """A photo to change or delete. A sample is nobody's: said so, since everybody can see that it exists."""
    photo = access_photo(user, id)
    if photo.owner_id is None:
        raise UserError(
            "studio:sample",
            "This is a sample face; it belongs to nobody.",
            "Upload a photo of your own.",
            status=403,
        )
    return photo


def access_recipe(user: User | None, id: UUID | str) -> Recipe:
    """One's own recipe."""
    recipe = (
        Recipe.objects.filter(owner=user, pk=_uuid(id, "recipe"))
        .select_related("photo__image", "generator")
        .first()
    )
    if user is None or recipe is None:
        raise NotFound("recipe")
    return recipe


def _uuid(id: UUID | str, what: str) -> UUID:
    try:
        return id if isinstance(id, UUID) else UUID(id)
    except ValueError as error:
        raise NotFound(what) from error
