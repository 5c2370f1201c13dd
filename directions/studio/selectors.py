"""What the studio shows: photos with their progress, sample faces, and the sliders that a person may move.

Reads only. Sliders are the newest community versions and what people agree on a name for among the finders'
components, for everybody, and the person's own pairs' directions, for nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.db.models import QuerySet

from direction_commons.accounts.models import User
from direction_commons.errors import UserError
from directions.community.models import Series
from directions.discover.models import Component
from directions.discover.selectors import component_title, components_named
from directions.generators.models import Generator
from directions.generators.selectors import default_generator
from directions.inversions.models import Inversion
from directions.inversions.selectors import images_out_of_domain, inversion_of, inversion_progress
from directions.pairs.models import Direction
from directions.pairs.selectors import directions_of
from directions.semantics.selectors import semantics_like
from directions.studio.models import Photo, Recipe
from directions.studio.steps import SLIDER_REACH, Kind

State = Literal["waiting", "running", "ready", "out-of-domain", "failed"]
MAX_SLIDERS = 200


@dataclass(frozen=True)
class Slider:
    """One direction as the studio offers it. `id` goes into a step as it is."""

    kind: Kind
    id: str
    change: str
    slug: str
    private: bool
    demonstration: bool
    version: int | None
    members: int
    agreement: float | None
    step: float
    found: str = ""  # what a finder found is called there: it is of no pair
    low: float = -SLIDER_REACH
    high: float = SLIDER_REACH


@dataclass(frozen=True)
class PhotoProgress:
    """Where a photo is on its way to being editable, in a sentence for the person."""

    state: State
    text: str
    fraction: float
    ahead: int
    seconds: float | None
    inversion: Inversion | None

    @property
    def final(self) -> bool:
        return self.state in ("ready", "out-of-domain", "failed")


def sliders_for(*, user: User | None, generator: Generator, query: str = "", limit: int = 60) -> list[Slider]:
    """The person's own directions, the community's (the most contributed first), named components."""
    limit = max(1, min(limit, MAX_SLIDERS))
    own: list[Slider] = []
    if user is not None:
        directions = directions_of(user, generator)
        if query:
            directions = directions.filter(pair__semantic__in=semantics_like(query).values("pk"))
        own = [_own_slider(direction) for direction in directions[:limit]]
    series = Series.objects.filter(generator=generator, latest__vector__isnull=False).select_related(
        "semantic", "latest"
    )
    if query:
        series = series.filter(semantic__in=semantics_like(query).values("pk"))
    ordered = series.order_by("demonstration", "-latest__num_members", "semantic__name")[:limit]
    hits = semantics_like(query).values("pk") if query else None
    named = components_named(generator=generator, semantics=hits)[:limit]
    return own + [_community_slider(row) for row in ordered] + [_component_slider(row) for row in named]


def _own_slider(direction: Direction) -> Slider:
    return Slider(
        kind="pair",
        id=str(direction.pk),
        change=direction.pair.semantic.name,
        slug=direction.pair.semantic.slug,
        private=True,
        demonstration=direction.pair.demonstration,
        version=None,
        members=1,
        agreement=None,
        step=direction.step or 0.0,
    )


def _community_slider(series: Series) -> Slider:
    version = series.latest
    assert version is not None  # the query asked for it
    return Slider(
        kind="community",
        id=str(version.pk),
        change=series.semantic.name,
        slug=series.semantic.slug,
        private=False,
        demonstration=series.demonstration,
        version=version.number,
        members=version.num_members,
        agreement=version.agreement,
        step=version.step,
    )


def _component_slider(component: Component) -> Slider:
    assert component.semantic is not None  # it is named
    return Slider(
        kind="component",
        id=str(component.pk),
        change=component.semantic.name,
        slug=component.semantic.slug,
        private=False,
        demonstration=False,
        version=None,
        members=0,
        agreement=None,
        step=component.step,
        found=component_title(component),
    )


def photos_of(*, user: User) -> QuerySet[Photo]:
    return Photo.objects.filter(owner=user).select_related("image").order_by("-created_at")


def photos_foreign(photos: Iterable[Photo]) -> set[UUID]:
    """Their pictures that the default generator cannot draw; none while there is no generator."""
    try:
        generator = default_generator()
    except UserError:
        return set()
    return images_out_of_domain(images=[photo.image for photo in photos], generator=generator)


def studio_export(user: User) -> dict[str, Any]:
    """What this room holds on a person, ready for JSON; registered with accounts."""
    return {
        "photos": [
            {
                "id": str(photo.pk),
                "title": photo.title,
                "sha256": photo.image.sha256,
                "created_at": photo.created_at.isoformat(),
            }
            for photo in photos_of(user=user)
        ],
        "recipes": [
            {
                "id": str(recipe.pk),
                "photo": str(recipe.photo_id),
                "steps": recipe.steps,
                "created_at": recipe.created_at.isoformat(),
            }
            for recipe in Recipe.objects.filter(owner=user).order_by("created_at")
        ],
    }


def sample_photos() -> QuerySet[Photo]:
    """The faces that everybody may try the sliders on."""
    return Photo.objects.filter(owner=None).select_related("image").order_by("sample")


def photo_progress(*, photo: Photo, generator: Generator) -> PhotoProgress:
    """How far this photo is on this generator."""
    return _progress(inversion_of(image=photo.image, generator=generator), generator)


def photos_progress(*, photos: Sequence[Photo], generator: Generator) -> dict[UUID, PhotoProgress]:
    """The same for a page of photos: one query, and one or two more for each that is still on its way."""
    inversions = {
        inversion.image_id: inversion
        for inversion in Inversion.objects.filter(
            image__in=[photo.image_id for photo in photos], generator=generator
        )
        .select_related("reconstruction")
        .defer("codes")
    }
    return {photo.pk: _progress(inversions.get(photo.image_id), generator) for photo in photos}


def _progress(inversion: Inversion | None, generator: Generator) -> PhotoProgress:
    if inversion is None:
        text = f"This photo has not been read by “{generator.title}” yet."
        return PhotoProgress("waiting", text, 0.0, 0, None, None)
    at = inversion_progress(inversion)
    if at.state == "failed":
        return PhotoProgress("failed", at.text or "The photo could not be read.", 1.0, 0, None, inversion)
    if at.state == "ready" and inversion.out_of_domain:
        text = f"“{generator.title}” does not know this kind of picture."
        return PhotoProgress("out-of-domain", text, 1.0, 0, None, inversion)
    if at.state == "ready":
        return PhotoProgress("ready", f"The photo is ready, {at.text}.", 1.0, 0, None, inversion)
    if at.state == "running":
        text = f"The machine is looking for this photo in its world: {at.text}."
        return PhotoProgress("running", text, at.fraction, 0, at.seconds, inversion)
    return PhotoProgress(
        "waiting", f"The photo is in the queue: {at.text}.", 0.0, at.ahead, at.seconds, inversion
    )
