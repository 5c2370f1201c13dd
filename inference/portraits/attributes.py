"""The names of everything a drawn portrait can be asked for, and the vector a portrait is drawn from.

A portrait is one vector of `SCENE_SIZE` numbers in 0..1: the named ATTRIBUTES first, then the NUISANCE that
only a seed chooses. This module turns (attributes, seed) into that vector and refuses names and values that
do not exist; it knows nothing about pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference.errors import AttributeNameError, AttributeValueError, OptionError

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Attribute:
    """One graded quality of a portrait. Its range is always 0..1; `presence` ones are often exactly 0."""

    name: str
    sentence: str
    presence: bool = False
    low: float = 0.0
    high: float = 1.0


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("smile", "From a frown with falling corners to a broad smile that lifts the cheeks."),
    Attribute("mouth_open", "From closed lips to a wide open mouth with teeth and tongue.", presence=True),
    Attribute("eye_openness", "From closed lids to wide open eyes."),
    Attribute("brow_raise", "From lowered brows to brows raised high on the forehead."),
    Attribute("glasses", "From no glasses through thin wire to thick rims.", presence=True),
    Attribute("beard", "From a shaven chin through stubble to a full beard.", presence=True),
    Attribute("moustache", "From a bare upper lip to a full moustache.", presence=True),
    Attribute("hair_length", "From cropped hair to hair that falls past the shoulders."),
    Attribute("hair_volume", "From hair lying flat on the skull to a wide, high shape."),
    Attribute("hair_colour", "From black through brown, chestnut and copper to pale blond."),
    Attribute("hair_curl", "From straight strands to deep waves."),
    Attribute("skin_tone", "From very light to very dark skin."),
    Attribute("face_width", "From a narrow to a broad face."),
    Attribute("age_lines", "From smooth skin to deep lines on forehead, eyes and cheeks."),
    Attribute("nose_size", "From a small button to a long, broad nose."),
    Attribute("earrings", "From bare ears to large golden drops.", presence=True),
    Attribute("hat", "From bare head to a knitted hat pulled down to the forehead.", presence=True),
    Attribute("head_turn", "From a head turned to the picture's left to one turned to its right."),
    Attribute("light", "From light that falls from the left to light that falls from the right."),
    Attribute("background", "The wall's colour: teal, blue, violet, rose, coral, sand, sage."),
    Attribute("lipstick", "From natural lips to strongly painted glossy lips.", presence=True),
    Attribute("clothing_colour", "The sweater's colour: navy, teal, green, ochre, red, plum, cream."),
    Attribute("eye_colour", "From dark brown through hazel and green to light blue."),
    Attribute("eye_size", "From small to large eyes."),
    Attribute("brow_thickness", "From fine to bushy brows."),
    Attribute("freckles", "From clear skin to many freckles on nose and cheeks.", presence=True),
)

NUISANCE: tuple[str, ...] = (
    "background_tone",
    "background_bokeh",
    "frame_colour",
    "frame_shape",
    "hair_parting",
    "hairline",
    "lip_shape",
    "jaw_shape",
    "eye_spacing",
    "brow_shape",
    "hat_colour",
    "clothing_pattern",
)

ATTRIBUTE_NAMES: tuple[str, ...] = tuple(attribute.name for attribute in ATTRIBUTES)
SCENE_NAMES: tuple[str, ...] = ATTRIBUTE_NAMES + NUISANCE
SCENE_SIZE = len(SCENE_NAMES)

# The share of random portraits in which a presence attribute is exactly absent.
_ABSENT = {
    "mouth_open": 0.45,
    "glasses": 0.62,
    "beard": 0.62,
    "moustache": 0.68,
    "earrings": 0.6,
    "hat": 0.72,
    "lipstick": 0.6,
    "freckles": 0.7,
}
# Where "present" starts; an open mouth is a matter of degree, the others are plainly there.
_PRESENT_FROM = {"mouth_open": 0.1}


def check_attributes(attributes: Mapping[str, float]) -> None:
    """Refuse unknown names (AttributeNameError) and values that are not in 0..1 (AttributeValueError)."""
    for name, value in attributes.items():
        if name not in ATTRIBUTE_NAMES:
            raise AttributeNameError(
                came=f"the attribute {name!r}",
                wanted="one of " + ", ".join(ATTRIBUTE_NAMES),
                todo="use a name from inference.portraits.ATTRIBUTES",
            )
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not 0.0 <= number <= 1.0:
            raise AttributeValueError(
                came=f"{name}={value!r}",
                wanted="a finite number from 0 to 1",
                todo=f"give {name} a value between 0 and 1",
            )


def random_scenes(generator: np.random.Generator, count: int) -> Array:
    """Scenes as this world has them: presence attributes are often exactly 0. float32 [count, SCENE_SIZE]"""
    values = generator.random((count, SCENE_SIZE))
    coins = generator.random((count, SCENE_SIZE))
    return with_marginals(values, coins)


def with_marginals(values: npt.NDArray[np.float64], coins: npt.NDArray[np.float64]) -> Array:
    """Uniform numbers 0..1 -> scenes: how each number is distributed. Both and the result [N, SCENE_SIZE].

    `coins` decide about presence, `values` about degree; where both are the same numbers, the degree is what
    is left of a coin beyond the share of absence, so that a correlation of the numbers holds for both.
    """
    scenes = values.copy()
    same = coins is values
    for k, attribute in enumerate(ATTRIBUTES):
        if attribute.presence:
            start, absent = _PRESENT_FROM.get(attribute.name, 0.4), _ABSENT[attribute.name]
            degree = (values[:, k] - absent) / (1 - absent) if same else values[:, k]
            scenes[:, k] = np.where(coins[:, k] >= absent, start + (1 - start) * degree, 0.0)
    openness = ATTRIBUTE_NAMES.index("eye_openness")
    # People mostly look at us: closed eyes stay reachable, but are the exception.
    scenes[:, openness] = scenes[:, openness] ** 0.5
    # And most are young enough for fine lines only.
    lines = ATTRIBUTE_NAMES.index("age_lines")
    scenes[:, lines] = scenes[:, lines] ** 1.5
    return scenes.astype(np.float32)


def scene(attributes: Mapping[str, float], seed: int) -> Array:
    """The vector of the person `seed` with the named attributes set. float32 [SCENE_SIZE], all in 0..1.

    Setting one attribute never changes another: all numbers are drawn first, then the named ones replaced.
    """
    check_attributes(attributes)
    if seed < 0:
        raise OptionError(
            came=f"seed={seed}",
            wanted="a whole number from 0",
            todo="give a seed of 0 or more",
            code="option:seed",
        )
    vector: Array = random_scenes(np.random.default_rng(seed), 1)[0]
    for name, value in attributes.items():
        vector[ATTRIBUTE_NAMES.index(name)] = value
    return vector
