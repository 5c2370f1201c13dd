"""Ways to average unit directions, as scikit-learn-like estimators over pure arrays.

The constructor only stores; `fit(units [n, L, D], weights [L])` learns `direction_` `[L, D]` of effect length
1 and `resultant_length_`, and does not depend on the order of the rows: they are sorted first, because
floating-point sums are not commutative over many terms. A new method is a class here with
`@AVERAGERS.register`; the contract suite in tests/inference/test_averaging.py runs over all that are
registered.
"""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from inference import effect_metric
from inference.errors import AveragingError, ShapeError
from inference.registry import Registry

Array = npt.NDArray[np.float64]
VANISHED = 1e-6  # a resultant length at which directions cancel out, and what is left is rounding


class Averager(Protocol):
    """What every averaging method offers."""

    direction_: Array  # [L, D], effect length 1
    resultant_length_: float  # length of the plain mean of the units, whatever the method

    def fit(self, units: npt.ArrayLike, weights: npt.ArrayLike) -> Self: ...

    def leaving_each_out(self, units: npt.ArrayLike, weights: npt.ArrayLike) -> Array:
        """direction_ without each row, `[n, L, D]` in the rows' order; zeros where the rest cancels out."""
        ...


AVERAGERS: Registry[Averager] = Registry("averager")


def _checked(units: npt.ArrayLike, weights: npt.ArrayLike) -> tuple[Array, Array]:
    """Rows of effect length 1 in a canonical order, `[n, L, D]`, and the weights `[L]`."""
    rows = np.asarray(units, dtype=np.float64)
    if rows.ndim != 3 or 0 in rows.shape or not np.all(np.isfinite(rows)):
        raise ShapeError(f"units of shape {list(rows.shape)}", "finite [n >= 1, L, D]", code="shape:units")
    scale = effect_metric.check_weights(weights, rows.shape[1])
    if not np.allclose(effect_metric.norm(rows, scale), 1.0, atol=1e-6):
        raise ShapeError("units whose effect length is not 1", "rows of effect length 1", code="shape:units")
    order = sorted(range(len(rows)), key=lambda row: rows[row].tobytes())
    return rows[order], scale


def _mean(rows: Array, scale: Array) -> tuple[Array, float]:
    """Mean direction of effect length 1, and the length of the mean; refuses rows that cancel out."""
    mean = rows.mean(axis=0)
    length = float(effect_metric.norm(mean, scale))
    if length < VANISHED:
        raise AveragingError(
            f"{len(rows)} directions that cancel each other out",
            "directions with something in common",
            "check whether some show the opposite change",
            code="averaging:opposed",
        )
    return mean / length, length


@AVERAGERS.register("mean")
class MeanDirection:
    """Every member has one vote: the mean of the unit directions, rescaled. The paper's average."""

    direction_: Array
    resultant_length_: float

    def fit(self, units: npt.ArrayLike, weights: npt.ArrayLike) -> Self:
        """Learn from units `[n, L, D]` under metric weights `[L]`."""
        rows, scale = _checked(units, weights)
        self.direction_, self.resultant_length_ = _mean(rows, scale)
        return self

    def leaving_each_out(self, units: npt.ArrayLike, weights: npt.ArrayLike) -> Array:
        """In one pass: the sum without the row, rescaled."""
        rows, scale = _checked(units, weights)
        others = rows.sum(axis=0) - np.asarray(units, dtype=np.float64)  # [n, L, D]
        lengths = effect_metric.norm(others, scale)[:, None, None]
        vanished = lengths < VANISHED * max(len(rows) - 1, 1)
        return np.where(vanished, 0.0, others / np.where(vanished, 1.0, lengths))


@AVERAGERS.register("geometric-median")
class GeometricMedianDirection:
    """The point that the unit directions are nearest to in sum (Weiszfeld's iteration), rescaled.

    A minority of wrong members moves it less than the mean: each pulls with one unit of force, however far
    away.
    """

    direction_: Array
    resultant_length_: float

    def __init__(self, iterations: int = 64, smoothing: float = 1e-3) -> None:
        self.iterations = iterations
        self.smoothing = smoothing

    def fit(self, units: npt.ArrayLike, weights: npt.ArrayLike) -> Self:
        """Learn from units `[n, L, D]` under metric weights `[L]`."""
        rows, scale = _checked(units, weights)
        _, self.resultant_length_ = _mean(rows, scale)
        centre = rows.mean(axis=0)  # [L, D]
        for _ in range(self.iterations):
            distances = effect_metric.norm(rows - centre, scale)  # [n]
            pull = 1.0 / np.sqrt(distances**2 + self.smoothing**2)
            centre = np.average(rows, axis=0, weights=pull)
        self.direction_, _ = _mean(centre[None], scale)
        return self

    def leaving_each_out(self, units: npt.ArrayLike, weights: npt.ArrayLike) -> Array:
        """By fitting n times."""
        rows = np.asarray(units, dtype=np.float64)
        directions = np.zeros_like(rows)
        for row in range(len(rows)):
            try:
                others = type(self)(self.iterations, self.smoothing).fit(
                    np.delete(rows, row, axis=0), weights
                )
            except AveragingError:
                continue  # the others cancel out: they say nothing of this row
            directions[row] = others.direction_
        return directions
