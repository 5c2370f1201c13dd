"""Writes of the studio: photos and recipes. Pictures come through media's intake, codes through inversions.

What a recipe says, and how it is read and replayed, is in `recipes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from direction_commons.accounts.models import User
from direction_commons.accounts.quotas import person_lock, quota_check, quota_spend
from direction_commons.errors import NotFound, UserError
from direction_commons.jobs.models import Job
from direction_commons.media.models import StoredImage
from direction_commons.media.services import files_forget, image_intake
from directions.generators.models import Generator
from directions.generators.selectors import active_generators
from directions.inversions.models import Inversion
from directions.inversions.services import inversion_request, picture_erase
from directions.studio.models import Photo, Recipe
from directions.studio.recipes import recipe_compose
from directions.studio.steps import Step


def photo_create(*, owner: User, data: bytes | UploadedFile[Any], title: str = "") -> Photo:
    """Take in a photo and ask for its inversion on every active generator. The same picture is one photo.

    Raises:
        UserError: "studio:too-many-photos" (403), "accounts:quota" (429) when the day's photos are used up,
            "studio:title", and what media's intake refuses.
    """
    if len(title) > 80:
        raise UserError("studio:title", f"The title has {len(title)} characters; at most 80 were wanted.")
    image: StoredImage | None = None
    try:
        with transaction.atomic():
            person_lock(user=owner)
            quota_spend(user=owner, what="photos", limit=settings.QUOTA_PHOTOS_A_DAY)
            image = image_intake(owner=owner, data=data)
            photo = Photo.objects.filter(owner=owner, image=image).first()
            if photo is not None:
                _request_inversions(photo, Job.Priority.PERSON, again=True)
                return photo
            quota_check(
                what="photos",
                used=Photo.objects.filter(owner=owner).count(),
                limit=settings.QUOTA_PHOTOS,
                todo="Delete one that you no longer need.",
                code="studio:too-many-photos",
            )
            photo = Photo(owner=owner, image=image, title=title)
            photo.full_clean()
            photo.save()
            _request_inversions(photo, Job.Priority.PERSON)
            return photo
    except UserError:
        if image is not None:  # its row is rolled back, and no quota counts a file without a row
            files_forget(image=image)
        raise


def sample_install(*, sample: str, title: str, data: bytes) -> tuple[Photo, bool]:
    """A sample face that everybody may use; and whether it is new, or another picture than it was.

    A renewed face keeps its id and links to it; recipes of the old picture are refused from then on.
    """
    image = image_intake(owner=None, data=data, kind=StoredImage.Kind.DERIVED, public=True)
    with transaction.atomic():
        photo = Photo.objects.select_for_update(of=("self",)).filter(sample=sample).first()
        old = photo.image if photo is not None else None
        photo = photo or Photo(owner=None, sample=sample)
        photo.image, photo.title = image, title
        photo.full_clean()
        photo.save()
        _request_inversions(photo, Job.Priority.REFRESH)
        if old is not None and old != image:
            picture_erase(image=old)
    return photo, old != image


def photo_prepare(*, photo: Photo, generator: Generator) -> None:
    """Ask for the photo's inversion on a generator that came after it; nothing happens when there is one.

    Nor on a generator that is set aside: nothing new is derived there, whoever asks.
    """
    asked = Inversion.objects.filter(image_id=photo.image_id, generator=generator)
    if generator.is_active and not asked.exists():
        with transaction.atomic():
            photo = _present(photo)
            inversion_request(
                image=photo.image, generator=generator, priority=Job.Priority.PERSON, owner=photo.owner
            )


@transaction.atomic
def photo_delete(*, photo: Photo) -> None:
    """Delete a photo with its recipes, and its picture, code and reconstruction unless a pair uses them."""
    if photo.owner is not None:
        person_lock(user=photo.owner)
    photo = _present(photo)
    image = photo.image
    photo.delete()
    picture_erase(image=image)


def _present(photo: Photo) -> Photo:
    """The photo's row, locked until the transaction's end. NotFound: deleted meanwhile."""
    row = Photo.objects.select_for_update(of=("self",)).select_related("image").filter(pk=photo.pk).first()
    if row is None:
        raise NotFound("photo")
    return row


def _request_inversions(photo: Photo, priority: Job.Priority, *, again: bool = False) -> None:
    """Where there is none yet, or, when a person asks `again`, none that came to a good end."""
    asked = Inversion.objects.filter(image_id=photo.image_id)
    if again:
        asked = asked.exclude(state=Inversion.State.FAILED)
    done = set(asked.values_list("generator", flat=True))
    for generator in active_generators():
        if generator.pk not in done:
            inversion_request(image=photo.image, generator=generator, priority=priority, owner=photo.owner)


@transaction.atomic
def recipe_save(*, user: User, photo: Photo, generator: Generator, steps: Sequence[Step]) -> Recipe:
    """Write an edit down and keep it with the person's account."""
    person_lock(user=user)
    photo = _present(photo)
    quota_check(
        what="recipes",
        used=Recipe.objects.filter(owner=user).count(),
        limit=settings.QUOTA_RECIPES,
        todo="Delete one, or download this recipe as a file.",
        code="studio:too-many-recipes",
    )
    recipe = recipe_compose(user=user, photo=photo, generator=generator, steps=steps)
    recipe.full_clean(exclude=["steps"])  # an empty list is a recipe: the photo as the generator sees it
    recipe.save()
    return recipe


def recipe_delete(*, recipe: Recipe) -> None:
    if not recipe.delete()[0]:
        raise NotFound("recipe")
