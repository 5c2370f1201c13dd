"""What the editor's template needs, for the studio's page and for the front page's face alike. Reads only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from direction_commons.accounts.models import User
from directions.generators.models import Generator
from directions.inversions.models import Inversion
from directions.studio.models import Photo
from directions.studio.selectors import Slider, sliders_for
from directions.studio.steps import KINDS, MAX_STEPS, SLIDER_REACH, Step, steps_parse


@dataclass(frozen=True)
class PlacedSlider:
    """A slider and where it stands."""

    slider: Slider
    value: float

    @property
    def name(self) -> str:
        return f"{self.slider.kind}:{self.slider.id}"


def steps_of_query(query: Mapping[str, str]) -> list[Step]:
    """`community:12=1.0&pair:<uuid>=-0.5` as steps; sliders at zero and other fields say nothing."""
    raw: list[dict[str, Any]] = []
    for name, text in query.items():
        kind, _, key = name.partition(":")
        if kind not in KINDS:
            continue
        try:
            value: float | str = float(text)
        except ValueError:
            value = text  # steps_parse says what is wrong with it
        if value != 0.0:
            raw.append({"kind": kind, "id": key, "intensity": value})
    return steps_parse(raw)


def editor_context(
    *,
    user: User | None,
    photo: Photo,
    generator: Generator,
    inversion: Inversion | None,
    query: Mapping[str, str],
    sliders: Sequence[Slider] | None = None,
) -> dict[str, Any]:
    """Sliders (all of this person's, unless given) in groups, each where the address puts it."""
    offered = sliders_for(user=user, generator=generator) if sliders is None else sliders
    placed = [PlacedSlider(slider, _value(query, f"{slider.kind}:{slider.id}")) for slider in offered]
    moved = {one.name: one.value for one in placed if one.value}
    return {
        "photo": photo,
        "inversion": inversion,
        "own_sliders": [one for one in placed if one.slider.private],
        "community_sliders": [
            one for one in placed if one.slider.kind == "community" and not one.slider.demonstration
        ],
        "demonstration_sliders": [
            one for one in placed if not one.slider.private and one.slider.demonstration
        ],
        "component_sliders": [one for one in placed if one.slider.kind == "component"],
        "num_sliders": len(placed),
        "moved_query": urlencode(moved, safe=":"),
        "slider_reach": SLIDER_REACH,
        "max_steps": MAX_STEPS,
    }


def _value(query: Mapping[str, str], name: str) -> float:
    try:
        value = float(query.get(name, "0"))
    except ValueError:
        return 0.0
    return max(-SLIDER_REACH, min(SLIDER_REACH, round(value, 2))) if math.isfinite(value) else 0.0
