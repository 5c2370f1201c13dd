"""The body behind a drawing: from the scene vector to lengths, colours and the light, shared by all layers.

Everything that two layers must agree on (where the head ends, where an eye sits, which colour skin has)
is computed here, once. It touches no pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .attributes import SCENE_NAMES
from .canvas import Array, Box, Colour, colour, ease, mix, palette, smooth

SKINS = np.stack([
    colour(255, 222, 200), colour(240, 190, 152), colour(208, 148, 104), colour(166, 108, 72),
    colour(114, 71, 51),
])  # fmt: skip
HAIRS = np.stack([
    colour(38, 31, 36), colour(82, 50, 36), colour(142, 80, 44), colour(196, 104, 48),
    colour(222, 164, 84), colour(244, 216, 156),
])  # fmt: skip
WALLS = np.stack([
    colour(48, 134, 134), colour(62, 112, 178), colour(116, 96, 176), colour(190, 104, 156),
    colour(228, 128, 108), colour(232, 188, 122), colour(140, 178, 118),
])  # fmt: skip
SWEATERS = np.stack([
    colour(44, 62, 124), colour(30, 124, 136), colour(62, 142, 80), colour(216, 160, 44),
    colour(204, 62, 54), colour(136, 50, 118), colour(236, 222, 196),
])  # fmt: skip
IRISES = np.stack([
    colour(82, 44, 22), colour(138, 88, 34), colour(92, 136, 60), colour(48, 142, 150),
    colour(92, 166, 236),
])  # fmt: skip
FRAMES = np.stack([
    colour(26, 24, 30), colour(178, 104, 36), colour(200, 34, 54), colour(38, 84, 190),
    colour(22, 146, 130),
])  # fmt: skip
HATS = np.stack([
    colour(200, 54, 62), colour(228, 150, 44), colour(70, 150, 92), colour(44, 120, 178),
    colour(134, 84, 170),
])  # fmt: skip

EYE_Y = -0.02
BROW_Y = -0.20
MOUTH_Y = 0.375
HEAD_TOP = -0.64
NOSE_DEPTH = 0.16
CHEEK_Y = 0.02


@dataclass
class Figure:
    """One person, in canvas units. `turn` is sin of the head's angle, positive to the picture's right."""

    values: dict[str, float]
    turn: float
    half_width: float
    jaw_height: float
    jaw_power: float
    hair_side: float
    hair_top: float
    hair_end: float
    skin: Colour
    hair: Colour
    light: tuple[float, float, float]

    def __getitem__(self, name: str) -> float:
        return self.values[name]

    def face(self, box: Box, depth: float = 0.0) -> tuple[Array, Array]:
        """Face coordinates (u [h, w], v [h, 1]): symmetrical about u = 0 however the head is turned.

        The turn moves what is near the middle most, as on a dome; `depth` is how far a feature stands out.
        """
        r2 = (box.x * (1 / 0.62)) ** 2 + ((box.y - 0.02) * (1 / 0.8)) ** 2
        shift = (self.turn * 0.58) * np.exp(-r2) + self.turn * depth
        return (box.x - shift) * (1.0 / self.spread), box.y

    @property
    def spread(self) -> float:
        """How much features move apart with the face's width."""
        return float((self.half_width / 0.47) ** 0.6)

    def skull(self, box: Box, grow: float = 0.0) -> Array:
        """Signed distance to the face's outline, cranium and jaw in one; `grow` widens it. [h, w]"""
        below = np.maximum(box.y - CHEEK_Y, 0.0)
        x = box.x - (self.turn * 0.17) * smooth(0.0, 0.6, below)
        ax = np.abs(x) / (self.half_width + grow)
        height = np.where(
            box.y < CHEEK_Y, np.float32(CHEEK_Y - HEAD_TOP + grow), np.float32(self.jaw_height + grow)
        )
        n = 2.0 + (self.jaw_power - 2.0) * smooth(0.0, 0.3, below)
        ay = np.abs(box.y - CHEEK_Y) / height
        taper = 1.0 + 0.30 * smooth(0.05, 1.1, below / self.jaw_height) * ax
        radius = ((ax * taper) ** n + ay**n + 1e-6) ** (1.0 / n)
        return box.distance(radius - 1.0)


def figure(vector: Array) -> Figure:
    """The person drawn from a scene vector [K]."""
    v = {name: float(number) for name, number in zip(SCENE_NAMES, vector, strict=True)}
    angle = (2.0 * v["light"] - 1.0) * 1.05
    length, volume = v["hair_length"], v["hair_volume"]
    return Figure(
        values=v,
        turn=float(np.sin((2.0 * v["head_turn"] - 1.0) * 0.35)),
        half_width=0.41 + 0.15 * v["face_width"],
        jaw_height=0.60 + 0.055 * v["mouth_open"] + 0.03 * (v["jaw_shape"] - 0.5),
        jaw_power=2.05 + 0.6 * v["jaw_shape"],
        hair_side=0.025 + volume * (0.055 + 0.145 * ease(0.0, 0.5, length)),
        hair_top=0.045 + 0.175 * volume * (0.6 + 0.4 * ease(0.0, 0.5, length)),
        hair_end=-0.15 + 1.23 * length,
        skin=palette(SKINS, v["skin_tone"]),
        hair=palette(HAIRS, v["hair_colour"]),
        light=(float(np.sin(angle)) * 0.85, -0.50, float(np.cos(angle)) * 0.75 + 0.2),
    )


def lip_colour(person: Figure) -> Colour:
    """Lips: a warmer, deeper skin; painted ones a saturated red."""
    natural = person.skin * colour(224, 150, 148)
    painted = mix(colour(206, 22, 62), colour(142, 16, 70), person["lip_shape"])
    return mix(natural, painted, ease(0.0, 0.9, person["lipstick"]))
