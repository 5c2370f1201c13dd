"""Draws people of the project's own world: one scene vector in, one aligned portrait out.

Numpy only. Every pixel is a continuous, deterministic function of the vector; nothing is random, nothing
is read from disk. Weights were trained on exactly these pixels: a change of the drawing asks for a new
bundle.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt

from inference.errors import OptionError, ShapeError

from . import backdrop, face, hair, wear
from .attributes import SCENE_SIZE, Array, check_attributes, scene
from .canvas import Canvas
from .figure import figure

Picture = npt.NDArray[np.uint8]  # [size, size, 3]

SMALLEST, LARGEST = 16, 1024
# A pixel belongs to an attribute when the attribute moves one of its channels by more than this (of 255).
_MASK_LEVEL = 6


def render_scene(vector: Array, size: int = 128) -> Picture:
    """The portrait of a scene vector [SCENE_SIZE]; values are clipped to 0..1. uint8 [size, size, 3]"""
    numbers = np.asarray(vector, np.float32)
    if numbers.shape != (SCENE_SIZE,) or not np.isfinite(numbers).all():
        raise ShapeError(
            came=f"a scene of shape {numbers.shape}, finite: {bool(np.isfinite(numbers).all())}",
            wanted=f"{SCENE_SIZE} finite numbers",
            todo="make one with scene(attributes, seed)",
            code="shape:scene",
        )
    _check_size(size)
    person = figure(np.clip(numbers, 0.0, 1.0))
    canvas = Canvas(size)
    backdrop.wall(canvas, person)
    hair.behind(canvas, person)
    backdrop.neck(canvas, person)
    backdrop.sweater(canvas, person)
    wear.ears(canvas, person)
    face.skin(canvas, person)
    face.lines(canvas, person)
    face.eyes(canvas, person)
    face.nose(canvas, person)
    hair.beard(canvas, person)
    face.mouth(canvas, person)
    hair.moustache(canvas, person)
    wear.temples(canvas, person)
    hair.in_front(canvas, person)
    face.brows(canvas, person)
    wear.hat(canvas, person)
    wear.glasses(canvas, person)
    wear.earrings(canvas, person)
    return canvas.finish()


def render(attributes: Mapping[str, float], seed: int, size: int = 128) -> Picture:
    """The person of `seed` with the named attributes set. uint8 [size, size, 3]

    >>> render({"glasses": 1.0, "smile": 0.9}, seed=3).shape
    (128, 128, 3)
    """
    return render_scene(scene(attributes, seed), size)


def region_mask(
    attribute: str, seed: int, size: int = 128, attributes: Mapping[str, float] | None = None
) -> npt.NDArray[np.bool_]:
    """Where this person's picture changes when `attribute` goes from 0 to 1. bool [size, size]"""
    check_attributes({attribute: 0.0})
    others = dict(attributes or {})
    before = render({**others, attribute: 0.0}, seed, size).astype(np.int16)
    after = render({**others, attribute: 1.0}, seed, size).astype(np.int16)
    changed: npt.NDArray[np.bool_] = np.abs(after - before).max(axis=2) > _MASK_LEVEL
    return changed


def render_many(vectors: Array, size: int = 128, workers: int = 1) -> Picture:
    """Portraits of many scenes [N, SCENE_SIZE], drawn by `workers` processes. uint8 [N, size, size, 3]

    Processes are started per call (about half a second each): ask for thousands at once or keep a pool.
    They are spawned, so a script that asks for workers needs the usual `if __name__ == "__main__"` guard.
    """
    _check_size(size)
    if vectors.ndim != 2:
        raise ShapeError(
            came=f"scenes of shape {vectors.shape}",
            wanted=f"[N, {SCENE_SIZE}]",
            todo="stack single scenes with numpy.stack",
            code="shape:scene",
        )
    count = len(vectors)
    pictures = np.empty((count, size, size, 3), np.uint8)
    if workers <= 1 or count <= 1:
        for k in range(count):
            pictures[k] = render_scene(vectors[k], size)
        return pictures
    # Chunks large enough that the pictures' way back costs little, small enough that all workers stay busy.
    chunk = max(1, min(64, -(-count // (4 * workers))))
    starts = range(0, count, chunk)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        parts = [vectors[k : k + chunk] for k in starts]
        for k, part in zip(starts, pool.map(render_many, parts, [size] * len(parts)), strict=True):
            pictures[k : k + chunk] = part
    return pictures


def contact_sheet(vectors: Array, columns: int = 8, size: int = 128) -> Picture:
    """The portraits of scenes [N, SCENE_SIZE] in rows of `columns`. uint8 [rows * size, columns * size, 3]"""
    pictures = render_many(vectors, size)
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * size, columns * size, 3), 255, np.uint8)
    for k, picture in enumerate(pictures):
        y, x = divmod(k, columns)
        sheet[y * size : (y + 1) * size, x * size : (x + 1) * size] = picture
    return sheet


def _check_size(size: int) -> None:
    if not SMALLEST <= size <= LARGEST:
        raise OptionError(
            came=f"size={size}",
            wanted=f"a whole number from {SMALLEST} to {LARGEST}",
            todo="the embedded generator works at 128",
            code="option:size",
        )
