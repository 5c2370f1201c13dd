"""Hair: the mass behind the head, the cap and curtains in front of it, beard and moustache.

Strands are smooth bands at a fixed phase in a coordinate that fans out from the crown; nothing is random.
"""

from __future__ import annotations

import numpy as np

from .canvas import Array, Box, Canvas, bell, colour, corner, ease, mix, smooth
from .figure import CHEEK_Y, HEAD_TOP, MOUTH_Y, Figure

# Beards and moustaches are darker and redder than the hair above.
_COARSE = colour(206, 176, 148)


def _strands(box: Box, person: Figure) -> tuple[Array, Array]:
    """(flow, bands): the coordinate across strands, fixed to the canvas, and -1..1 bands on it. [h, w]"""
    top = HEAD_TOP - 0.25
    parting = (person["hair_parting"] - 0.5) * 0.5
    rise = np.sqrt(np.clip((box.y - top) * 1.35, 0.003, 1.0))
    wave = person["hair_curl"] * 0.075 * np.sin(box.y * 11.0 + 1.0) * smooth(-0.5, 0.2, box.y)
    sway = parting * (1.0 - smooth(-0.75, -0.1, box.y))
    flow = (box.x + wave * np.sign(box.x) * smooth(0.02, 0.25, np.abs(box.x)) - sway) / (0.28 + 0.72 * rise)
    bands = 0.55 * np.sin(flow * 57.0 + 0.6 + 1.2 * np.sin(box.y * 2.6)) + 0.45 * np.sin(flow * 33.0 + 2.1)
    return flow, bands


def _paint(box: Box, person: Figure, alpha: Array, dim: float) -> None:
    """Lay textured, lit hair over the box."""
    flow, bands = _strands(box, person)
    lx = person.light[0]
    curl = person["hair_curl"]
    width = person.half_width + person.hair_side
    round_ = np.clip(box.x / width, -1.0, 1.0)
    lit = 0.80 + 0.34 * round_ * lx - 0.20 * round_ * round_ - 0.16 * smooth(-0.4, 0.9, box.y)
    # Deep waves catch the light crosswise.
    lit = lit + curl * 0.20 * np.sin(box.y * 11.0 + 2.4 + 2.0 * np.abs(flow)) * smooth(-0.5, 0.1, box.y)
    sharp = np.clip(bands * 1.5, -1.0, 1.0)
    tone = lit * (1.0 + 0.27 * sharp)
    base = person.hair
    paint = base[:, None, None] * (tone * dim)
    # Dark gaps stay warm instead of turning grey.
    gap = np.clip(1.0 - tone * dim, 0.0, 1.0)
    paint[1] *= 1.0 - 0.22 * gap
    paint[2] *= 1.0 - 0.42 * gap
    # A ring of light around the crown, broken up by the strands.
    ring = bell((box.y + 0.46 + 0.25 * round_ * round_ - 0.04 * bands) * 6.5) * np.clip(
        0.75 + 0.5 * round_ * lx, 0, 2
    )
    low = bell((box.y - 0.42 - 0.03 * bands) * 4.0) * 0.45
    shine = mix(base, colour(255, 240, 214), 0.55)
    paint += shine[:, None, None] * ((ring + low) * np.clip(0.45 + 0.55 * sharp, 0.0, 1.0) * (0.52 * dim))
    box.over(paint, alpha)


def mass(box: Box, person: Figure) -> Array:
    """Signed distance to the hair's outline: a dome on the skull that falls to the hair's end. [h, w]"""
    width = person.half_width + person.hair_side
    height = CHEEK_Y - HEAD_TOP + person.hair_top
    above = np.minimum(box.y - CHEEK_Y, 0.0) / height
    curl = person["hair_curl"] * 0.035 * np.sin(box.y * 11.0 + 1.0) * smooth(-0.6, 0.0, box.y)
    flare = 1.0 + (0.10 + 0.10 * person["hair_volume"]) * smooth(0.0, 0.9, box.y)
    x = box.x + person.turn * 0.05
    ax = (np.abs(x) - curl) / (width * flare)
    dome = box.distance(np.sqrt(ax * ax + above * above + 1e-6) - 1.0)
    end = (
        person.hair_end
        + 0.05 * np.sin(box.x * 9.0 + 0.7)
        + 0.022 * np.sin(box.x * 33.0)
        - 0.10 * smooth(0.7, 1.0, ax)
    )
    tip = (box.y - end) * 0.9
    return corner(dome, tip, 0.06)


def behind(canvas: Canvas, person: Figure) -> None:
    reach = min(person.half_width + person.hair_side + 0.2, 1.0)
    box = canvas.box(-reach, reach, -1.0, person.hair_end + 0.15)
    _paint(box, person, box.cover(mass(box, person)), 0.62)


def in_front(canvas: Canvas, person: Figure) -> None:
    """The cap above the hairline and, when long, the curtains at both sides of the face."""
    reach = min(person.half_width + person.hair_side + 0.2, 1.0)
    box = canvas.box(-reach, reach, -1.0, person.hair_end + 0.15)
    u, v = person.face(box)
    parting = (person["hair_parting"] - 0.5) * 0.36
    edge = person.half_width / person.spread
    side = np.abs(u) * (1.0 / (edge * 0.93))
    from_parting = np.abs(u - parting)
    sweep = (0.10 + 0.16 * person["hairline"]) * smooth(0.0, 0.42, from_parting)
    line = -0.47 - 0.03 * person["hairline"] + sweep + 1.5 * np.minimum(side, 1.25) ** 9
    _, bands = _strands(box, person)
    hairline = box.distance(v - line - 0.022 * bands)
    # Cropped hair thins towards skin at the temples instead of ending in a hard line.
    alpha = box.cover(
        np.maximum(hairline, mass(box, person)), 0.02 * (1.0 - ease(0.0, 0.3, person["hair_length"]))
    )
    # Its shadow on the forehead first.
    cast = smooth(0.09, -0.03, np.maximum(hairline, mass(box, person))) * box.cover(person.skull(box))
    box.shade(colour(150, 104, 96), 0.55 * cast)
    _paint(box, person, alpha, 1.0)


def beard(canvas: Canvas, person: Figure) -> None:
    amount = person["beard"]
    if amount <= 0.0:
        return
    grow = 0.17 * amount * amount
    box = canvas.box(-0.75, 0.75, 0.0, min(0.75 + grow + 0.1, 1.0))
    u, v = person.face(box, 0.03)
    au = np.abs(u)
    # From the sideburn down the cheek, then round the mouth.
    cheek = 0.02 + 0.50 * smooth(0.46, 0.20, au) - 0.16 * smooth(0.22, 0.05, au)
    bands = 0.6 * np.sin(u * 62.0 + 0.9 + 1.5 * np.sin(v * 9.0)) + 0.4 * np.sin(u * 37.0 - v * 14.0 + 0.4)
    upper = box.distance(cheek - v + 0.02 * bands)
    below = smooth(0.25, 0.65, box.y)
    outline = person.skull(box, 0.0) - (grow + 0.012 * amount) * below - 0.02 * amount
    outline = outline - 0.014 * amount * bands * below
    alpha = box.cover(upper, 0.03 + 0.04 * (1 - amount)) * box.cover(outline, 0.03 * (1 - amount))
    density = ease(0.0, 0.62, amount)
    alpha = alpha * np.clip(density * (1.0 + 0.5 * bands * (1.0 - density)), 0.0, 1.0)
    lx = person.light[0]
    lit = 0.74 + 0.42 * u * lx * 1.8 - 0.25 * smooth(0.55, 0.95, box.y) + 0.12 * bell((v - 0.56) * 6.0)
    tone = np.clip(lit, 0.3, 1.3) * (1.0 + 0.27 * np.clip(bands * 1.5, -1, 1))
    base = person.hair * _COARSE
    box.over(base[:, None, None] * tone, alpha)


def moustache(canvas: Canvas, person: Figure) -> None:
    amount = person["moustache"]
    if amount <= 0.0:
        return
    box = canvas.box(-0.6, 0.6, 0.1, 0.62)
    u, v = person.face(box, 0.09)
    au = np.abs(u)
    reach = 0.20 + 0.09 * amount
    t = np.clip(au / reach, 0.0, 1.2)
    top = MOUTH_Y - 0.095 - 0.035 * (person["smile"] - 0.5) * t * t
    middle = top + 0.075 * t * t - 0.012 * bell(t * 5.0)
    half = (0.012 + 0.055 * amount) * np.sqrt(np.clip(1.0 - t**3, 0.0, 1.0)) * (1.0 - 0.25 * bell(t * 6.0))
    bands = np.sin(u * 76.0 + np.sign(u) * (v - 0.3) * 60.0 * t + 0.5)
    distance = np.maximum(np.abs(v - middle) - half, (au - reach) * 0.8)
    alpha = box.cover(distance, 0.004) * ease(0.0, 0.5, amount)
    tone = (0.78 + 0.5 * u * person.light[0]) * (1.0 + 0.24 * bands * smooth(0.02, 0.10, au)) + 0.25 * (
        middle - v
    ) * 6.0
    box.shade(colour(150, 104, 96), 0.5 * ease(0.0, 0.5, amount) * smooth(0.025, -0.01, distance))
    box.over((person.hair * _COARSE)[:, None, None] * np.clip(tone, 0.3, 1.5), alpha)
