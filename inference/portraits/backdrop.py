"""What stands behind and below the head: the wall with soft lights on it, neck, shoulders and sweater."""

from __future__ import annotations

import numpy as np

from .canvas import Array, Canvas, bell, colour, mix, palette, smooth
from .figure import SWEATERS, WALLS, Figure

# Fixed lights on the wall: x, y, radius, strength.
_BOKEH = (
    (-0.78, -0.72, 0.17, 0.9),
    (0.80, -0.50, 0.20, 0.8),
    (-0.86, 0.10, 0.13, 0.7),
    (0.66, -0.88, 0.12, 0.9),
    (0.90, 0.22, 0.15, 0.7),
    (-0.52, -0.93, 0.10, 0.6),
    (-0.93, -0.32, 0.10, 0.6),
    (0.92, -0.13, 0.08, 0.6),
)


def wall(canvas: Canvas, person: Figure) -> None:
    box = canvas.box()
    base = palette(WALLS, person["background"])
    second = palette(WALLS, 0.15 + 0.7 * person["background_tone"])
    lit = person.light[0]
    # A pool of light on the side that the light comes from.
    glow = np.exp(-((box.x - 0.55 * lit) ** 2 * 0.9 + (box.y + 0.35) ** 2 * 0.7))
    fall = smooth(-1.2, 1.3, box.y + 0.25 * box.x)
    paint = base[:, None, None] * (0.52 + 0.62 * glow)
    paint += ((second * 0.75 - base * 0.6)[:, None, None] * 0.42) * fall
    box.pixels[:] = paint
    strength = 0.10 + 0.26 * person["background_bokeh"]
    bright = mix(base, colour(255, 246, 224), 0.55)
    for x, y, radius, weight in _BOKEH:
        spot = canvas.box(x - radius - 0.05, x + radius + 0.05, y - radius - 0.05, y + radius + 0.05)
        d = np.sqrt((spot.x - x) ** 2 + (spot.y - y) ** 2) - radius
        disc = spot.cover(d, 0.02)
        rim = disc * bell((d + 0.02) * 28.0)
        spot.over(bright, (disc * 0.85 + rim * 0.35) * (strength * weight))


def neck(canvas: Canvas, person: Figure) -> None:
    box = canvas.box(-0.5, 0.5, 0.2, 1.0)
    lx = person.light[0]
    x = box.x - person.turn * 0.05
    half = 0.19 + 0.25 * person.half_width * 0.42 + 0.16 * smooth(0.66, 0.95, box.y) ** 2
    alpha = box.cover(np.abs(x) - half)
    round_ = x / half
    lit = np.clip(0.62 + 0.42 * (round_ * lx) - 0.12 * round_ * round_, 0.25, 1.0)
    # The chin throws its shadow on the neck, away from the light.
    chin = 0.02 + person.jaw_height
    shadow = smooth(chin + 0.26, chin + 0.02, box.y + 0.10 * round_ * lx + 0.12 * round_ * round_)
    lit = lit * (1.0 - 0.45 * shadow)
    warm = np.stack([lit * 0.86 + 0.14, lit, lit * 0.98 + 0.01])
    box.over(person.skin[:, None, None] * warm, alpha)


def sweater(canvas: Canvas, person: Figure) -> None:
    box = canvas.box(-1.0, 1.0, 0.62, 1.0)
    base = palette(SWEATERS, person["clothing_colour"])
    pale = mix(base, colour(255, 248, 232), 0.62)
    lx = person.light[0]
    ax = np.abs(box.x)
    neckline = 0.90 - 0.21 * smooth(0.05, 0.31, ax)
    top = np.maximum(0.70 + 0.23 * smooth(0.2, 1.0, ax) ** 1.2 + 0.10 * smooth(0.7, 1.05, ax), neckline)
    alpha = box.cover((top - box.y) * 0.9)
    # Knitted chevrons at a fixed place; the scene only sets their contrast.
    zig = np.abs((box.x * 7.0 + 0.25) % 1.0 - 0.5) * 2.0
    rows = np.sin((box.y * 6.5 + zig * 0.5) * (2 * np.pi))
    knit = smooth(-0.35, 0.35, rows)
    contrast = 0.12 + 0.5 * person["clothing_pattern"]
    body = base[:, None, None] + (pale - base)[:, None, None] * (knit * contrast)
    lit = np.clip(0.86 + 0.30 * lx * box.x - 0.35 * smooth(0.5, 1.05, ax), 0.4, 1.1)
    fold = 1.0 - 0.22 * bell((ax - 0.62 - 0.25 * (box.y - 0.8)) * 9.0)
    chin_shadow = 1.0 - 0.30 * bell(box.x * 2.2) * smooth(0.98, 0.74, box.y)
    box.over(body * (lit * fold * chin_shadow), alpha)
    _collar(canvas, person, neckline_of=top)


def _collar(canvas: Canvas, person: Figure, neckline_of: Array) -> None:
    """A ribbed collar that follows the neckline."""
    box = canvas.box(-1.0, 1.0, 0.62, 1.0)
    depth = box.y - neckline_of
    base = palette(SWEATERS, person["clothing_colour"])
    pale = mix(base, colour(255, 250, 238), 0.30 + 0.5 * person["clothing_pattern"])
    inside = box.cover(np.abs(box.x) - 0.40, 0.03) * box.cover(np.abs(depth - 0.03) - 0.045)
    rib = 0.80 + 0.20 * smooth(-0.5, 0.5, np.sin(box.x * 48.0))
    lit = np.clip(0.95 + 0.35 * person.light[0] * box.x, 0.5, 1.1)
    box.over(pale[:, None, None] * (rib * lit), inside)
    box.over(base * 0.35, 0.6 * inside * box.line(depth - 0.075, 0.018))
