"""The face: skin lit as a relief, lines, eyes, brows, nose and mouth.

All features are drawn in face coordinates, so that a turned head foreshortens them together.
"""

from __future__ import annotations

import numpy as np

from .canvas import Array, Box, Canvas, bell, colour, ease, mix, palette, slopes, smooth
from .figure import BROW_Y, EYE_Y, IRISES, MOUTH_Y, NOSE_DEPTH, Figure, lip_colour

# Fixed freckles: u, v, radius.
_FRECKLES = (
    (-0.30, 0.13, 0.017), (-0.23, 0.19, 0.020), (-0.17, 0.12, 0.018), (-0.26, 0.26, 0.017),
    (-0.36, 0.20, 0.015), (-0.13, 0.20, 0.015), (-0.33, 0.28, 0.014), (-0.06, 0.03, 0.014),
    (0.05, 0.07, 0.015), (0.14, 0.13, 0.019), (0.22, 0.12, 0.017), (0.20, 0.21, 0.019),
    (0.29, 0.17, 0.020), (0.28, 0.26, 0.016), (0.36, 0.22, 0.015), (0.12, 0.22, 0.013),
    (0.00, -0.04, 0.013), (0.36, 0.13, 0.014),
)  # fmt: skip


def _nose(person: Figure) -> tuple[float, float]:
    """(half width of the wings, height of the tip)."""
    size = person["nose_size"]
    return 0.047 + 0.098 * size, 0.118 + 0.098 * size


def eye_centre(person: Figure) -> float:
    return 0.195 + 0.035 * (person["eye_spacing"] - 0.5)


def _relief(person: Figure, u: Array, v: Array) -> Array:
    """Height of the face above the dome, canvas units. [h, w]"""
    wing, tip = _nose(person)
    size = person["nose_size"]
    smile, opening = person["smile"], person["mouth_open"]
    au = np.abs(u)
    eye = eye_centre(person)
    ridge = smooth(-0.16, tip - 0.02, v) * smooth(tip + 0.06, tip - 0.02, v)
    height = (0.045 + 0.035 * size) * ridge * bell(u * (1 / (0.052 + 0.02 * size)))
    height = height + (0.045 + 0.05 * size) * bell(u * (1 / (0.35 * wing + 0.035))) * bell(
        (v - tip) * (1 / (0.045 + 0.03 * size))
    )
    height = height + (0.018 + 0.03 * size) * bell((au - wing * 0.82) * (1 / (0.42 * wing))) * bell(
        (v - tip - 0.012) * 22.0
    )
    # Eye sockets, brow bone, cheeks, lips' cushion, chin.
    height = height - 0.050 * bell((au - eye * 0.93) * 8.0) * bell((v - EYE_Y + 0.015) * 9.0)
    height = height + 0.016 * bell((au - eye) * 6.0) * bell((v - BROW_Y - 0.02) * 15.0)
    lift = 0.035 * (smile - 0.5)
    height = height + (0.030 + 0.034 * smile) * bell((au - 0.28) * 6.8) * bell((v - 0.17 + lift) * 8.5)
    height = height + 0.022 * bell(u * 5.0) * bell((v - MOUTH_Y) * 8.0)
    chin = 0.555 + 0.05 * opening
    height = height + 0.034 * bell(u * 8.0) * bell((v - chin) * 13.0)
    return height - 0.016 * bell(u * 8.0) * bell((v - chin + 0.085) * 18.0)


def skin(canvas: Canvas, person: Figure) -> None:
    half = person.half_width + 0.05
    box = canvas.box(-half - 0.05, half + 0.05, -0.70, 0.74)
    outline = person.skull(box)
    u, v = person.face(box)
    un, _ = person.face(box, NOSE_DEPTH)
    relief = _relief(person, un, v) - _furrows(person, u, v)
    down, right = slopes(relief, box.p)
    dome_x = box.x * (0.97 / half)
    dome_y = (box.y - 0.05) * (0.62 / 0.7)
    dome_z = np.sqrt(np.clip(1.0 - dome_x * dome_x - dome_y * dome_y, 0.05, 1.0))
    nx, ny = dome_x - right, dome_y - down
    norm = 1.0 / np.sqrt(nx * nx + ny * ny + dome_z * dome_z)
    lx, ly, lz = person.light
    length = float(np.sqrt(lx * lx + ly * ly + lz * lz))
    lit = (nx * lx + ny * ly + dome_z * lz) * norm * (1.0 / length)
    day = smooth(-0.30, 0.95, lit)
    # Shadows keep their warmth: red falls off slower than green and blue, most at the terminator.
    blush = bell((day - 0.45) * 3.2)
    red = 0.50 + 0.52 * day + 0.035 * blush
    green = 0.34 + 0.66 * day - 0.015 * blush
    blue = 0.31 + 0.68 * day - 0.02 * blush
    paint = person.skin[:, None, None] * np.stack([red, green, blue])
    # Rosy cheeks and nose, and a soft shine.
    au = np.abs(u)
    rosy = bell((au - 0.29) * 6.5) * bell((v - 0.17) * 8.0) + 0.6 * bell(un * 10.0) * bell(
        (v - _nose(person)[1]) * 14.0
    )
    rosy = rosy * (0.20 + 0.10 * person["smile"])
    paint *= 1.0 - colour(8, 92, 78)[:, None, None] * rosy
    shine = np.clip((lit - 0.86) * 7.2, 0.0, 1.0)
    paint += colour(255, 236, 214)[:, None, None] * ((0.14 + 0.10 * person["skin_tone"]) * shine * shine)
    # Rim light from the far side in the wall's colour.
    rim = smooth(-0.075, -0.005, outline) * np.clip(-np.sign(lx) * dome_x, 0.0, 1.0) * min(1.0, abs(lx) * 1.4)
    paint += colour(150, 170, 190)[:, None, None] * (0.34 * rim * smooth(0.72, 0.2, np.abs(box.y)))
    box.over(paint, box.cover(outline))
    _freckles(box, person, u, v)


def _furrows(person: Figure, u: Array, v: Array) -> Array:
    """Depth of age lines and of the folds that a smile or raised brows make. [h, w]"""
    age, smile = person["age_lines"] ** 1.5, person["smile"]
    au = np.abs(u)
    eye = eye_centre(person)
    forehead = smooth(0.36, 0.20, au)
    wave = 0.012 * np.cos(u * 14.0)
    depth: Array = np.zeros_like(u)
    lift = 0.05 * person["brow_raise"]
    for k, height in enumerate((-0.30, -0.365, -0.43)):
        strength = 0.022 * age + 0.005 * person["brow_raise"] * (k < 2)
        depth = depth + strength * forehead * bell((v - height + lift * 0.4 - wave) * 42.0)
    # From the nose's wing to the mouth's corner, and below it.
    t = np.clip((v - 0.16) * (1 / 0.26), 0.0, 1.0)
    fold = (0.115 + 0.045 * person["nose_size"]) + (0.10 + 0.05 * smile) * t
    depth = depth + (0.004 + 0.026 * age + 0.012 * smile) * bell((au - fold) * 34.0) * smooth(
        0.13, 0.2, v
    ) * smooth(0.46, 0.38, v)
    depth = depth + 0.012 * age * bell((au - 0.20 - 0.12 * (v - 0.42)) * 36.0) * smooth(
        0.42, 0.46, v
    ) * smooth(0.58, 0.5, v)
    # Crow's feet fan out beside the eye; bags hang below it.
    far = smooth(eye + 0.115, eye + 0.15, au) * smooth(eye + 0.25, eye + 0.19, au)
    for slope in (-0.5, 0.0, 0.5):
        depth = depth + 0.020 * age * far * bell((v - EYE_Y - 0.01 - slope * (au - eye - 0.07)) * 48.0)
    bag = (au - eye) * 7.0
    depth = depth + 0.022 * age * bell((v - EYE_Y - 0.115 + 0.035 * bag * bag) * 36.0) * smooth(
        1.1, 0.7, np.abs(bag)
    )
    return depth


def lines(canvas: Canvas, person: Figure) -> None:
    """The same furrows once more as warm pencil, so that they show in any light."""
    box = canvas.box(-0.56, 0.56, -0.52, 0.62)
    u, v = person.face(box)
    depth = _furrows(person, u, v) * (1.0 / 0.026)
    alpha = np.clip(depth, 0.0, 1.2) * box.cover(person.skull(box) + 0.02, 0.03)
    box.shade(colour(132, 70, 56), 0.62 * alpha)


def _freckles(box: Box, person: Figure, u: Array, v: Array) -> None:
    amount = person["freckles"]
    if amount <= 0.0:
        return
    alpha = np.zeros_like(u)
    flat_u, flat_v = u, np.broadcast_to(v, u.shape)
    for fu, fv, radius in _FRECKLES:
        rows = slice(*np.searchsorted(v[:, 0], [fv - 0.04, fv + 0.04]))
        d2 = (flat_u[rows] - fu) ** 2 + (flat_v[rows] - fv) ** 2
        alpha[rows] += np.exp(d2 * (-1.0 / (radius * radius)))
    box.shade(colour(172, 108, 76), np.clip(alpha * amount, 0.0, 0.9))


def eyes(canvas: Canvas, person: Figure) -> None:
    for side in (-1.0, 1.0):
        _eye(canvas, person, side)


def _eye(canvas: Canvas, person: Figure, side: float) -> None:
    near = side * 0.22 * person.spread + person.turn * 0.5
    box = canvas.box(near - 0.24, near + 0.24, EYE_Y - 0.24, EYE_Y + 0.2)
    u, v = person.face(box)
    scale = 0.96 + 0.38 * person["eye_size"]
    x = (u - side * eye_centre(person)) * (side / scale)  # outwards positive
    y = (v - EYE_Y) / scale
    a = 0.122
    q = np.clip(x * (1 / a), -1.0, 1.0)
    arc = 1.0 - q * q
    opening = person["eye_openness"]
    tilt = -0.10 * x
    upper = tilt + 0.012 - (0.118 * opening - 0.030) * arc * (1.0 - 0.18 * q)
    lower = tilt + 0.012 + (0.034 + 0.012 * opening) * arc
    # Lid above the eye: softly shaded skin with a crease.
    crease = upper - 0.036 - 0.012 * opening
    lid = bell((y - 0.5 * (crease + upper)) * 24.0) * smooth(1.25, 0.7, np.abs(x) / a)
    box.shade(colour(178, 116, 104), 0.45 * lid)
    box.shade(
        colour(120, 64, 56), 0.60 * box.line((y - crease) * scale, 0.014) * smooth(1.12, 0.8, np.abs(x) / a)
    )
    gap = np.maximum(upper - y, y - lower) * (0.92 * scale)
    ends = np.maximum(gap, (np.abs(x) - a) * scale)
    inside = box.cover(ends)
    # The ball: white with a shadow under the lid and towards the corners.
    shade = 1.0 - 0.34 * smooth(0.045, 0.0, y - upper) - 0.16 * q * q
    box.over(colour(250, 247, 243)[:, None, None] * shade, inside)
    # Tear corner.
    box.over(colour(222, 140, 132), 0.7 * inside * smooth(-0.72, -0.95, q))
    # Iris, pupil, catchlight.
    hue = palette(IRISES, person["eye_colour"])
    iy = y - (0.004 - 0.012 * opening)
    r = np.sqrt(x * x + iy * iy)
    iris = box.cover((r - 0.063) * scale) * inside
    glow = 0.62 + 0.55 * smooth(-0.04, 0.05, iy) + 0.15 * bell((r - 0.036) * 60.0)
    ringed = glow * (1.0 - 0.62 * smooth(0.046, 0.063, r)) * (1.0 - 0.30 * smooth(0.05, 0.0, y - upper))
    box.over(hue[:, None, None] * ringed, iris)
    box.over(colour(14, 10, 14), box.cover((r - 0.027) * scale) * inside)
    lx = person.light[0]
    cx = side * (0.024 * lx / 0.85)
    spot = np.sqrt((x - cx) ** 2 + (iy + 0.024) ** 2)
    box.over(colour(255, 255, 255), box.cover((spot - 0.017) * scale) * inside)
    # Lash line: thick and dark above, winged outwards; thin below.
    thick = 0.015 + 0.011 * smooth(-0.6, 0.9, q)
    wing = np.maximum(np.abs(x - 0.012) - a - 0.004, 0.0)
    lash = np.abs(y - upper + 0.006 + 0.5 * np.maximum(x - a, 0.0)) - thick * 0.5 + wing
    dark = mix(colour(30, 18, 18), person.hair * np.float32(0.3), 0.35)
    box.over(dark, 0.95 * box.cover(lash * scale))
    under = box.line((y - lower) * scale, 0.012) * smooth(1.0, 0.7, np.abs(q)) * smooth(-1.0, 0.2, q)
    box.shade(colour(110, 58, 52), 0.65 * under)


def brows(canvas: Canvas, person: Figure) -> None:
    raised = person["brow_raise"]
    thickness = 0.018 + 0.062 * person["brow_thickness"]
    dark = person.hair * colour(176, 148, 130)
    for side in (-1.0, 1.0):
        near = side * 0.22 * person.spread + person.turn * 0.5
        box = canvas.box(near - 0.27, near + 0.27, BROW_Y - 0.26, BROW_Y + 0.16)
        u, v = person.face(box, 0.01)
        x = (u - side * eye_centre(person)) * side
        t = np.clip((x + 0.135) * (1 / 0.29), -0.2, 1.2)  # 0 at the nose, 1 at the temple
        arch = 0.030 + 0.045 * person["brow_shape"]
        inner = 0.075 * (0.5 - raised) * smooth(0.75, 0.0, t)
        bow = arch * (1.0 - ((t - 0.62) * (1 / 0.62)) ** 2)
        middle = BROW_Y + 0.075 - 0.155 * raised - bow + inner
        half = 0.5 * thickness * (0.35 + 0.65 * smooth(1.1, 0.35, t)) * smooth(-0.12, 0.10, t)
        past = np.maximum(np.abs(t - 0.5) - 0.5, 0.0) * 0.29
        distance = np.sqrt(np.maximum(np.abs(v - middle) - half, 0.0) ** 2 + past * past) + np.minimum(
            np.maximum(np.abs(v - middle) - half, -1.0), 0.0
        )
        hairs = np.sin((x * 0.9 - (v - middle) * 0.9) * 62.0)
        alpha = box.cover(distance, 0.010)
        tone = 1.0 + 0.28 * hairs * person["brow_thickness"]
        box.over(dark[:, None, None] * tone, 0.93 * alpha)


def nose(canvas: Canvas, person: Figure) -> None:
    wing, tip = _nose(person)
    size = person["nose_size"]
    box = canvas.box(-0.50, 0.50, -0.14, tip + 0.16)
    u, v = person.face(box, NOSE_DEPTH)
    au = np.abs(u)
    lx = person.light[0]
    # Under the tip, the wings' edges, the nostrils, and the ridge's shaded flank.
    under = bell((v - tip - 0.045 - 0.02 * size + 0.05 * (au / wing) ** 2) * 26.0) * smooth(
        1.15, 0.75, au / wing
    )
    box.shade(colour(120, 62, 52), (0.38 + 0.22 * size) * under)
    edge = bell(
        (
            np.sqrt(
                ((au - wing * 0.55) / (wing * 0.55)) ** 2 + ((v - tip - 0.005) / (0.05 + 0.03 * size)) ** 2
            )
            - 1.0
        )
        * 3.4
    )
    edge = edge * smooth(0.45, 0.85, au / wing)
    box.shade(colour(126, 66, 54), (0.40 + 0.25 * size) * edge)
    flank = (
        bell((u + np.sign(lx) * (0.055 + 0.03 * size)) * 22.0)
        * smooth(-0.10, 0.02, v)
        * smooth(tip + 0.02, tip - 0.05, v)
    )
    box.shade(colour(150, 88, 72), (0.16 + 0.30 * size) * min(1.0, abs(lx) * 1.5) * flank)
    hole = np.sqrt(
        ((au - wing * 0.50) / (wing * 0.34)) ** 2
        + ((v - tip - 0.040 - 0.018 * size) / (0.013 + 0.010 * size)) ** 2
    )
    box.over(person.skin * colour(70, 34, 32), 0.85 * box.cover((hole - 1.0) * (0.014 + 0.008 * size)))
    tipshine = bell((u - 0.018 * lx) * (1 / (0.022 + 0.016 * size))) * bell(
        (v - tip + 0.02) * (1 / (0.022 + 0.016 * size))
    )
    box.add(colour(255, 236, 216), 0.17 * tipshine)


def mouth(canvas: Canvas, person: Figure) -> None:
    smile, opening, paintd = person["smile"], person["mouth_open"], ease(0.0, 1.0, person["lipstick"])
    box = canvas.box(-0.56, 0.56, 0.18, 0.74)
    u, v = person.face(box, 0.05)
    a = 0.150 + 0.100 * smile - 0.020 * opening
    q = np.clip(u * (1.0 / a), -1.0, 1.0)
    arc = 1.0 - q * q
    bend = 0.085 - 0.225 * smile  # positive: corners below the middle
    middle = MOUTH_Y + bend * (q * q - 0.42) + 0.012 * opening
    gap = 0.150 * opening + 0.045 * smile * ease(0.45, 1.0, smile)
    round_ = np.sqrt(np.maximum(arc, 0.0))
    hole_top = middle - gap * 0.34 * round_
    hole_low = middle + gap * 0.80 * round_
    full = 0.75 + 0.5 * person["lip_shape"] + 0.18 * paintd
    bow = 0.011 * bell(u * 26.0) - 0.010 * bell((np.abs(u) - 0.045) * 24.0)
    lip_top = hole_top - full * 0.036 * arc**0.8 + bow * smooth(0.0, 0.5, arc)
    lip_low = hole_low + full * 0.056 * arc**0.75
    past = np.abs(u) - a
    lips = np.maximum(np.maximum(lip_top - v, v - lip_low) * 0.9, past)
    hue = lip_colour(person)
    lx = person.light[0]
    # Upper lip in shade, lower lip catching light.
    lower = smooth(-0.01, 0.02, v - middle)
    tone = 0.76 + 0.30 * lower + 0.25 * u * lx
    box.shade(colour(140, 86, 78), 0.45 * bell((v - lip_low - 0.028) * 28.0) * smooth(0.1, 0.8, arc))
    box.over(hue[:, None, None] * tone, box.cover(lips) * (0.86 + 0.14 * paintd))
    gleam = bell((v - hole_low - full * 0.026) * 52.0) * bell((u - 0.05 * lx) * (9.0 - 2.0 * smile))
    box.add(colour(255, 226, 220), (0.16 + 0.34 * paintd) * gleam)
    # Inside: dark, upper teeth, tongue.
    hole = np.maximum(np.maximum(hole_top - v, v - hole_low) * 0.9, past)
    inside = box.cover(hole + 0.004) * min(1.0, gap * 30.0)
    box.over(colour(64, 14, 22), inside)
    tongue = (
        np.sqrt((u / (0.62 * a)) ** 2 + ((v - MOUTH_Y - gap * 0.80 - 0.012) / (0.40 * gap + 0.01)) ** 2) - 1.0
    )
    box.over(
        colour(214, 92, 98), inside * box.cover(tongue * (0.4 * gap + 0.01), 0.01) * ease(0.2, 0.6, opening)
    )
    depth = np.minimum(0.052, 0.62 * gap * round_)
    teeth = box.cover(np.maximum(v - hole_top - depth, np.abs(u) - 0.88 * a)) * inside
    seams = 1.0 - 0.14 * bell(np.sin(u * 44.0) * 3.0)
    cream = colour(252, 248, 238)[:, None, None] * (seams * (1.0 - 0.35 * q * q))
    box.over(cream, teeth)
    # The line between closed lips, and the corners' dimples.
    seam = box.line(v - middle, 0.016 + 0.004 * smile) * smooth(0.0, 0.12, arc)
    box.shade(colour(84, 30, 32), 0.85 * seam * (1.0 - ease(0.0, 0.05, gap)))
    corner_y = MOUTH_Y + bend * 0.58
    dimple = bell((np.abs(u) - a - 0.006) * 34.0) * bell((v - corner_y) * 28.0)
    box.shade(colour(110, 58, 52), 0.62 * dimple)
