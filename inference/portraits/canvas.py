"""A small painter's kit: pixel coordinates, soft-edged coverage, and "over" compositing on boxes.

Coordinates run from -1 to 1 in x (right) and y (down), whatever the size; `p` is one pixel in those units.
Every edge is a ramp one pixel wide, so that pictures change continuously with the scene. It draws no shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

# float32 everywhere; numpy's stubs, unlike numpy 2, make float64 of float32 times a Python float.
Array: TypeAlias = npt.NDArray[Any]
Colour: TypeAlias = Array  # [3] or [3, h, w], display values 0..1


def smooth(low: float, high: float, x: Array) -> Array:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((x - low) * (1.0 / (high - low)), 0.0, 1.0)
    step: Array = t * t * (3.0 - 2.0 * t)
    return step


def ease(low: float, high: float, x: float) -> float:
    """Smooth step of one number."""
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def bell(x: Array) -> Array:
    """exp(-x²), the soft brush of this world."""
    brush: Array = np.exp(-x * x)
    return brush


def corner(a: Array, b: Array, radius: float) -> Array:
    """Signed distance to the intersection of two shapes, its corners rounded by `radius`."""
    inner = np.minimum(np.maximum(a + radius, b + radius), 0.0)
    outer = np.sqrt(np.maximum(a + radius, 0.0) ** 2 + np.maximum(b + radius, 0.0) ** 2)
    rounded: Array = inner + outer - radius
    return rounded


def colour(red: float, green: float, blue: float) -> Colour:
    return np.array([red, green, blue], np.float32) / np.float32(255.0)


def palette(stops: Array, t: float) -> Colour:
    """Piecewise linear colour through `stops` [n, 3] at t in 0..1. [3]"""
    place = t * (len(stops) - 1)
    k = min(int(place), len(stops) - 2)
    between: Colour = stops[k] + np.float32(place - k) * (stops[k + 1] - stops[k])
    return between


def mix(a: Colour, b: Colour, t: float) -> Colour:
    return a + np.float32(t) * (b - a)


@dataclass
class Box:
    """A rectangle of the canvas with its coordinates: x [1, w], y [h, 1], pixels a view [3, h, w]."""

    x: Array
    y: Array
    pixels: Array
    p: float

    def cover(self, distance: Array, blur: float = 0.0) -> Array:
        """Coverage of the inside (distance < 0), with an edge of one pixel plus `blur`. [h, w]"""
        return np.clip(0.5 - distance * (1.0 / (self.p * 1.15 + blur)), 0.0, 1.0)

    def distance(self, f: Array) -> Array:
        """First-order distance to f = 0 for any smooth f [h, w]: f over its gradient. [h, w]"""
        gy, gx = slopes(f, self.p)
        metric: Array = f / np.sqrt(gx * gx + gy * gy + 1e-4)
        return metric

    def line(self, distance: Array, width: float) -> Array:
        """Coverage of a line around distance = 0; one thinner than a pixel fades out."""
        edge = self.p * 1.15
        return np.clip(
            (0.5 * width - np.abs(distance)) * (1.0 / edge) + 0.5, 0.0, min(1.0, max(width, 0.0) / edge)
        )

    def over(self, paint: Colour, alpha: Array) -> None:
        """Lay `paint` ([3] or [3, h, w]) over the pixels with coverage alpha [h, w]."""
        if paint.ndim == 1:
            paint = paint[:, None, None]
        self.pixels += (paint - self.pixels) * alpha

    def shade(self, tint: Colour, alpha: Array) -> None:
        """Multiply the pixels by `tint` [3] where alpha is 1, by nothing where it is 0."""
        self.pixels *= 1.0 - (1.0 - tint[:, None, None]) * alpha

    def add(self, paint: Colour, alpha: Array) -> None:
        self.pixels += paint[:, None, None] * alpha


class Canvas:
    """A picture in the making, planar float32 [3, size, size]."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.p = 2.0 / size
        self.axis: Array = ((np.arange(size, dtype=np.float32) + 0.5) * np.float32(self.p) - 1.0).astype(
            np.float32
        )
        self.pixels: Array = np.zeros((3, size, size), np.float32)

    def span(self, low: float, high: float) -> slice:
        first = int((low + 1.0) / self.p) - 1
        last = int((high + 1.0) / self.p) + 2
        # Never empty: two pixels at least, so that slopes exist.
        first = min(max(first, 0), self.size - 2)
        return slice(first, max(min(last, self.size), first + 2))

    def box(self, left: float = -1.0, right: float = 1.0, top: float = -1.0, bottom: float = 1.0) -> Box:
        columns, rows = self.span(left, right), self.span(top, bottom)
        return Box(self.axis[None, columns], self.axis[rows, None], self.pixels[:, rows, columns], self.p)

    def finish(self) -> npt.NDArray[np.uint8]:
        """uint8 [size, size, 3]"""
        levels = np.clip(self.pixels, 0.0, 1.0) * np.float32(255.0) + np.float32(0.5)
        return np.ascontiguousarray(levels.astype(np.uint8).transpose(1, 2, 0))


def slopes(f: Array, p: float) -> tuple[Array, Array]:
    """Central differences of f [h, w] in canvas units: (down, right). One-sided at the border."""
    down, right = np.empty_like(f), np.empty_like(f)
    half = np.float32(0.5 / p)
    np.subtract(f[2:], f[:-2], out=down[1:-1])
    down[1:-1] *= half
    down[0], down[-1] = (f[1] - f[0]) * (2 * half), (f[-1] - f[-2]) * (2 * half)
    np.subtract(f[:, 2:], f[:, :-2], out=right[:, 1:-1])
    right[:, 1:-1] *= half
    right[:, 0], right[:, -1] = (f[:, 1] - f[:, 0]) * (2 * half), (f[:, -1] - f[:, -2]) * (2 * half)
    return down, right
