"""Writes of the studio: photos and recipes. Pictures come through media's intake, codes through inversions.

A recipe is refused rather than replayed differently: it names every vector and the photo's code by sha256.
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
from directions.inversions.codes import codes_sha256
from directions.inversions.models import Inversion
from directions.inversions.services import inversion_request, picture_erase
from directions.studio.access import access_photo
from directions.studio.models import Photo, Recipe
from directions.studio.previews import FORMATS, Picture, editable_inversion, picture_of
from directions.studio.steps import ResolvedStep, Step, steps_parse, steps_resolve

RECIPE_FORMAT = "direction-commons/recipe/1"
WRITTEN = ("kind", "id", "intensity", "change", "version", "vector_sha256", "step")


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


def recipe_compose(*, user: User | None, photo: Photo, generator: Generator, steps: Sequence[Step]) -> Recipe:
    """The recipe of an edit, kept nowhere: `recipe_document` of it is what people download."""
    inversion = editable_inversion(photo=photo, generator=generator)
    resolved = steps_resolve(user=user, generator=generator, steps=steps)
    return Recipe(
        photo=photo,
        generator=generator,
        owner=user,
        codes_sha256=_codes_sha256(inversion),
        steps=[_written(step) for step in resolved],
    )


def recipe_read(*, user: User | None, document: Any) -> Recipe:
    """A downloaded recipe, as a recipe that is kept nowhere; the photo must be one that this person may use.

    Raises:
        UserError: "studio:recipe" for what is no recipe, "studio:recipe-gone" (410) for another
            generator's or another picture's.
        NotFound: a photo that is not theirs.
    """
    if not isinstance(document, dict) or document.get("format") != RECIPE_FORMAT:
        raise _no_recipe(f'its "format" is not {RECIPE_FORMAT!r}')
    for part in ("photo", "generator"):
        if not isinstance(document.get(part), dict):
            raise _no_recipe(f'its "{part}" is not an object')
    try:
        photo_id, sha256 = str(document["photo"]["id"]), document["photo"]["sha256"]
        digest, codes_sha256 = document["generator"]["digest"], document["codes_sha256"]
        parsed = steps_parse(document["steps"])  # ids as they are looked up, however they were written
        written = [
            {**{name: step[name] for name in WRITTEN}, "id": own.id}
            for step, own in zip(document["steps"], parsed, strict=True)
        ]
    except KeyError as error:
        raise _no_recipe(f"{error} is missing") from error
    photo = access_photo(user, photo_id)
    generator = Generator.objects.filter(digest=str(digest)).first()
    if generator is None or photo.image.sha256 != sha256:
        raise _gone("The generator or the picture of this recipe is not here.")
    return Recipe(photo=photo, generator=generator, owner=user, codes_sha256=str(codes_sha256), steps=written)


def recipe_replay(*, user: User | None, recipe: Recipe, format: str = "png") -> Picture:
    """The recipe's picture: the same pixels as when it was written.

    Raises:
        UserError: "studio:recipe-gone" (410) when a direction or the photo's code is no longer what it was.
    """
    if format not in FORMATS:
        raise UserError("studio:format", f"The format {format[:20]!r} came; webp or png was wanted.")
    inversion = editable_inversion(photo=recipe.photo, generator=recipe.generator)
    if _codes_sha256(inversion) != recipe.codes_sha256:
        raise _gone("The photo has been read anew since this recipe was written.")
    steps = [Step(kind=step["kind"], id=step["id"], intensity=step["intensity"]) for step in recipe.steps]
    try:
        resolved = steps_resolve(user=user, generator=recipe.generator, steps=steps)
    except UserError as error:
        if error.status not in (404, 409, 410):
            raise
        raise _gone(f"This recipe uses something that was withdrawn. {error.message}") from error
    for then, now in zip(recipe.steps, resolved, strict=True):
        if (then["vector_sha256"], then["step"]) != (now.vector_sha256, now.step):
            raise _gone(f"The direction of “{now.change}” is no longer what this recipe names.")
    return picture_of(inversion=inversion, steps=resolved, format=format)


def recipe_document(recipe: Recipe) -> dict[str, Any]:
    """The recipe as the JSON that people download."""
    return {
        "format": RECIPE_FORMAT,
        "photo": {"id": str(recipe.photo_id), "sha256": recipe.photo.image.sha256},
        "generator": {"slug": recipe.generator.slug, "digest": recipe.generator.digest},
        "codes_sha256": recipe.codes_sha256,
        "steps": recipe.steps,
    }


def _written(step: ResolvedStep) -> dict[str, Any]:
    """Without its digest: the recipe's generator has it."""
    return {name: getattr(step, name) for name in WRITTEN}


def _codes_sha256(inversion: Inversion) -> str:
    assert inversion.codes is not None  # a ready inversion has its code
    return codes_sha256(inversion.codes)


def _no_recipe(why: str) -> UserError:
    return UserError("studio:recipe", f"This is no recipe: {why}.", "Download the recipe again.")


def _gone(sentence: str) -> UserError:
    return UserError(
        "studio:recipe-gone",
        sentence,
        "Open the photo and make the edit again with what there is now.",
        status=410,
    )
