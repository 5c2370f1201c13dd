"""The front page: a face whose sliders work without an account, and what is new or most agreed on.

The top room: it reads from every room below and is read by none.
"""

from __future__ import annotations

from dataclasses import dataclass

from directions.catalog.selectors import Entry, catalog_page
from directions.generators.models import Generator
from directions.studio.models import Photo
from directions.studio.selectors import PhotoProgress, Slider, photo_progress, sample_photos, sliders_for

SLIDERS, CARDS = 6, 6


@dataclass(frozen=True)
class FrontPage:
    """What `/` shows. `face` is the first sample that can be edited, or None while there is none yet."""

    generator: Generator
    faces: tuple[Photo, ...]
    face: Photo | None
    face_progress: PhotoProgress | None
    sliders: tuple[Slider, ...]
    newest: tuple[Entry, ...]
    agreed: tuple[Entry, ...]  # only where there are pairs enough to agree


def front_page(*, generator: Generator) -> FrontPage:
    """Everything of the front page, the same for everybody: own directions are in the studio."""
    faces = tuple(sample_photos()[:8])
    at = [(face, photo_progress(photo=face, generator=generator)) for face in faces]
    face, progress = next(
        ((face, now) for face, now in at if now.state == "ready"), at[0] if at else (None, None)
    )
    newest, most_agreed = (
        catalog_page(generator=generator, sort=sort, page_size=CARDS, components=False).entries
        for sort in ("newest", "agreement")
    )
    offered = sliders_for(user=None, generator=generator, limit=SLIDERS)
    return FrontPage(
        generator=generator,
        faces=tuple(face for face, now in at if now.state == "ready"),
        face=face,
        face_progress=progress,
        sliders=tuple(one for one in offered if one.kind == "community"),
        newest=newest,
        agreed=tuple(entry for entry in most_agreed if entry.version.agreement is not None),
    )
