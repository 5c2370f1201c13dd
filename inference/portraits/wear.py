"""What a head wears beside hair: ears with earrings, glasses, the knitted hat."""

from __future__ import annotations

import numpy as np

from .canvas import Array, Box, Canvas, bell, colour, corner, ease, mix, palette, smooth
from .face import eye_centre
from .figure import CHEEK_Y, EYE_Y, FRAMES, HATS, HEAD_TOP, Figure
from .hair import mass


def _ear_x(person: Figure, side: float) -> float:
    return side * (person.half_width + 0.018) - person.turn * 0.07


def ears(canvas: Canvas, person: Figure) -> None:
    lx = person.light[0]
    for side in (-1.0, 1.0):
        cx = _ear_x(person, side)
        box = canvas.box(cx - 0.14, cx + 0.14, -0.16, 0.24)
        x, y = (box.x - cx) * side, box.y - 0.035
        shape = box.distance(np.sqrt(((x - 0.10 * y * y) / 0.075) ** 2 + (y / 0.135) ** 2 + 1e-6) - 1.0)
        lit = 0.80 + 0.22 * side * lx - 0.25 * smooth(0.05, -0.03, x)
        warm = np.stack([lit * 0.9 + 0.08, lit * 0.86, lit * 0.84])
        box.over(person.skin[:, None, None] * warm, box.cover(shape))
        fold = box.line(np.sqrt(((x + 0.006) / 0.045) ** 2 + ((y + 0.012) / 0.085) ** 2) * 0.05 - 0.05, 0.02)
        box.shade(colour(150, 84, 70), 0.6 * fold)


def earrings(canvas: Canvas, person: Figure) -> None:
    amount = person["earrings"]
    if amount <= 0.0:
        return
    gold, deep, light = colour(246, 190, 58), colour(138, 84, 16), colour(255, 248, 214)
    there = ease(0.0, 0.25, amount)
    for side in (-1.0, 1.0):
        cx = _ear_x(person, side) + side * 0.022
        stud, drop = 0.016 + 0.014 * amount, 0.012 + 0.048 * amount
        top = 0.165
        middle = top + stud + 0.02 + 0.08 * amount
        box = canvas.box(cx - 0.13, cx + 0.13, top - 0.08, middle + 0.20)
        x = box.x - cx
        for y, radius, long in ((box.y - middle - drop, drop, 1.35), (box.y - top, stud, 1.0)):
            shape = box.distance(np.sqrt((x / radius) ** 2 + (y / (radius * long)) ** 2 + 1e-6) - 1.0)
            lit = np.clip(0.55 - 0.5 * y / radius * 0.8 + 0.5 * x / radius * person.light[0], 0.0, 1.0)
            body = deep[:, None, None] + (gold - deep)[:, None, None] * smooth(0.0, 0.9, lit)
            alpha = box.cover(shape) * there
            box.shade(colour(90, 60, 40), 0.5 * there * smooth(0.03, -0.01, shape))
            box.over(body, alpha)
            spot = (
                np.sqrt((x - 0.3 * radius * person.light[0]) ** 2 + (y + 0.42 * radius) ** 2) - 0.34 * radius
            )
            box.over(light, box.cover(spot, 0.01) * alpha)


def _lens(box: Box, person: Figure, side: float) -> tuple[Array, Array, Array]:
    """(signed distance to the lens' outline, x, y from its middle), round to square by frame_shape. [h, w]"""
    u, v = person.face(box, 0.07)
    x, y = u - side * (eye_centre(person) + 0.012), v - EYE_Y - 0.012
    bend = 0.135 - 0.085 * person["frame_shape"]
    dx = np.maximum(np.abs(x) - (0.172 - bend), 0.0)
    dy = np.maximum(np.abs(y) - (0.140 - bend), 0.0)
    return np.sqrt(dx * dx + dy * dy + 1e-8) - bend, x, y


def temples(canvas: Canvas, person: Figure) -> None:
    """The arms of the glasses, drawn before the hair that may cover them."""
    amount = person["glasses"]
    if amount <= 0.0:
        return
    width = 0.010 + 0.048 * amount
    rim = palette(FRAMES, person["frame_colour"])
    arm = canvas.box(-0.75, 0.75, EYE_Y - 0.14, EYE_Y + 0.14)
    u, v = person.face(arm, 0.07)
    outer = eye_centre(person) + 0.18
    reach = np.maximum(outer - np.abs(u), 0.0)
    on_face = arm.cover(person.skull(arm, 0.01))
    temple = arm.line(np.maximum(np.abs(v - EYE_Y + 0.035), reach), width * 0.9) * on_face
    arm.over(rim * np.float32(0.8), temple * ease(0.0, 0.22, amount))


def glasses(canvas: Canvas, person: Figure) -> None:
    amount = person["glasses"]
    if amount <= 0.0:
        return
    width = 0.010 + 0.048 * amount
    there = ease(0.0, 0.22, amount)
    rim = palette(FRAMES, person["frame_colour"])
    lx = person.light[0]
    # Shadow on the face, then lenses, temples, rims, bridge.
    for side in (-1.0, 1.0):
        near = side * 0.22 * person.spread + person.turn * 0.55
        box = canvas.box(near - 0.30, near + 0.30, EYE_Y - 0.22, EYE_Y + 0.28)
        outline, x, y = _lens(box, person, side)
        below, _, _ = _lens(Box(box.x, box.y - 0.026, box.pixels, box.p), person, side)
        box.shade(colour(120, 78, 70), 0.45 * there * box.line(below, width + 0.012))
        inside = box.cover(outline)
        box.over(colour(214, 236, 246), (0.08 * there) * inside)
        streak = x * 0.8 + y - 0.02 - 0.05 * lx
        glint = bell((streak + 0.135) * 34.0) + 0.6 * bell((streak + 0.20) * 50.0)
        box.add(colour(255, 255, 255), inside * glint * (0.24 * there))
    arm = canvas.box(-0.3, 0.3, EYE_Y - 0.14, EYE_Y + 0.14)
    u, v = person.face(arm, 0.07)
    inner = eye_centre(person) - 0.155
    arch = v - EYE_Y + 0.028 - 0.35 * u * u + 0.02 * bell(u * 14.0)
    bridge = arm.line(np.maximum(np.abs(arch), np.abs(u) - inner), width)
    arm.over(rim, bridge * there)
    for side in (-1.0, 1.0):
        near = side * 0.22 * person.spread + person.turn * 0.55
        box = canvas.box(near - 0.30, near + 0.30, EYE_Y - 0.22, EYE_Y + 0.24)
        outline, x, y = _lens(box, person, side)
        alpha = box.line(outline, width) * there
        lit = 0.92 - 2.2 * y + 1.2 * x * lx
        box.over(rim[:, None, None] * np.clip(lit, 0.6, 1.5), alpha)
        edge = box.line(outline + 0.1 * width, 0.35 * width) * smooth(0.02, -0.10, y - 0.3 * x * lx)
        box.over(mix(rim, colour(255, 255, 255), 0.55), 0.55 * edge * there * ease(0.3, 0.8, amount))


def hat(canvas: Canvas, person: Figure) -> None:
    amount = person["hat"]
    if amount <= 0.0:
        return
    width = person.half_width + person.hair_side + 0.045
    top = CHEEK_Y - HEAD_TOP + person.hair_top + 0.055
    brim = -1.12 + 0.78 * amount**0.6
    box = canvas.box(-min(width + 0.12, 1.0), min(width + 0.12, 1.0), -1.0, brim + 0.24)
    x = box.x + person.turn * 0.02
    round_ = np.clip(x / width, -1.0, 1.0)
    edge = brim + 0.10 * (1.0 - round_ * round_)
    ax, ay = x / width, np.minimum(box.y - CHEEK_Y, 0.0) / top
    dome = box.distance(np.sqrt(ax * ax + ay * ay + 1e-6) - 1.0)
    knit = palette(HATS, person["hat_colour"])
    lx = person.light[0]
    lit = np.clip(0.86 + 0.40 * round_ * lx - 0.34 * round_**4 - 0.10 * (box.y + 0.6), 0.3, 1.25)
    # Shadow under the brim.
    under = (box.y - edge) * (1.0 / 0.12)
    head = np.minimum(mass(box, person), person.skull(box))
    box.shade(
        colour(110, 76, 76),
        0.55 * box.cover(head) * np.clip(1.0 - under, 0.0, 1.0) * smooth(-0.1, 0.1, under),
    )
    _pompom(canvas, person, CHEEK_Y - top + 0.01, palette(HATS, person["hat_colour"]))
    # Crown: wide ribs that meet at the top, with rows of stitches.
    rise = np.sqrt(np.clip((box.y + 1.06) * 1.6, 0.02, 1.0))
    ribs = np.sin(x / (0.25 + 0.75 * rise) * 30.0)
    rows = np.sin((box.y + 0.03 * np.abs(ribs)) * 44.0)
    tone = lit * (0.90 + 0.24 * np.clip(ribs * 1.4, -1, 1) + 0.11 * rows)
    inside = box.cover(np.maximum(dome, box.y - edge))
    box.over(knit[:, None, None] * tone, inside)
    # Cuff: paler, thicker, its own ribbing.
    pale = mix(knit, colour(255, 248, 230), 0.50)
    depth = edge - box.y
    cuff = box.cover(corner(dome - 0.016, np.abs(depth - 0.085) - 0.085, 0.04))
    cuff_rib = np.clip(np.sin(x * 40.0) * 1.5, -1.0, 1.0)
    swell = 1.0 - 0.30 * ((depth - 0.085) * (1 / 0.085)) ** 2
    box.over(pale[:, None, None] * (lit * swell * (0.90 + 0.24 * cuff_rib)), cuff)
    box.shade(colour(120, 90, 90), 0.5 * inside * bell((depth - 0.185) * 40.0))


def _pompom(canvas: Canvas, person: Figure, y: float, knit: Array) -> None:
    size = 0.125 * ease(0.0, 0.7, person["hat"])
    box = canvas.box(-0.2, 0.2, y - 0.2, y + 0.2)
    x, y_ = box.x, box.y - y
    angle = np.arctan2(y_, x)
    r = np.sqrt(x * x + y_ * y_)
    tufts = np.sin(angle * 9.0) * np.sin(r * 50.0 + 1.0)
    lit = 0.82 - 2.6 * y_ + 2.0 * x * person.light[0] + 0.16 * tufts
    pale = mix(knit, colour(255, 248, 230), 0.5)
    ball = box.cover(r - size * (1.0 + 0.06 * np.sin(angle * 9.0))) * ease(0.0, 0.15, person["hat"])
    box.over(pale[:, None, None] * np.clip(lit, 0.4, 1.2), ball)
