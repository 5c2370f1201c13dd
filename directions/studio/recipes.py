"""Recipes: an edit written down as a document, read back, and replayed to the same pixels. Reads only.

A recipe is refused rather than replayed differently: it names every vector and the photo's code by sha256.
Whether it is also kept with an account is `services`' business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from direction_commons.accounts.models import User
from direction_commons.errors import UserError
from directions.generators.models import Generator
from directions.inversions.codes import codes_sha256
from directions.inversions.models import Inversion
from directions.studio.access import access_photo
from directions.studio.models import Photo, Recipe
from directions.studio.previews import Picture, editable_inversion, format_known, picture_of
from directions.studio.steps import ResolvedStep, Step, steps_parse, steps_resolve

RECIPE_FORMAT = "direction-commons/recipe/1"
WRITTEN = ("kind", "id", "intensity", "change", "version", "vector_sha256", "step")


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
    format_known(format)
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
