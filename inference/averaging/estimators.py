"""Ways to average directions, as scikit-learn-like estimators over pure arrays.

The constructor only stores; `fit(differences [n, L, D], weights [L])` learns `direction_` `[L, D]` of effect
length 1 and `resultant_length_`, and does not depend on the order of the rows: they are sorted first, because
floating-point sums are not commutative over many terms. A row's length in the effect metric is its strength;
whether it counts is what methods differ in. A new method is a class here with `@AVERAGERS.register`; the
contract suite in tests/inference/test_averaging.py runs over all that are registered.
"""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from inference import effect_metric
from inference.errors import AveragingError, ShapeError
from inference.registry import Registry

Array = npt.NDArray[np.float64]
DEFAULT_METHOD = "clipped-mean"  # docs/library.md has the comparison
VANISHED = 1e-6  # a resultant length at which directions cancel out, and what is left is rounding


class Averager(Protocol):
    """What every averaging method offers."""

    direction_: Array  # [L, D], effect length 1
    resultant_length_: float  # length of the plain mean of the unit rows, whatever the method
    shares_: Array  # [n], what each row counts for in `direction_`, in the order given; their sum is 1

    def fit(self, differences: npt.ArrayLike, weights: npt.ArrayLike) -> Self: ...

    def leaving_each_out(self, differences: npt.ArrayLike, weights: npt.ArrayLike) -> Array:
        """direction_ without each row, `[n, L, D]` in the rows' order; zeros where the rest cancels out."""
        ...

    def typical(self, projections: Array, strengths: Array) -> float:
        """One step from how far each row, `strengths` `[n]` long, goes along the others: `[n]`."""
        ...


AVERAGERS: Registry[Averager] = Registry("averager")


def _checked(differences: npt.ArrayLike, weights: npt.ArrayLike) -> tuple[Array, Array, list[int]]:
    """Rows in a canonical order, `[n, L, D]`, the weights `[L]`, and which given row stands where."""
    rows = np.asarray(differences, dtype=np.float64)
    wanted = "finite [n >= 1, L, D], none without effect"
    if rows.ndim != 3 or 0 in rows.shape or not np.all(np.isfinite(rows)):
        raise ShapeError(f"differences of shape {list(rows.shape)}", wanted, code="shape:differences")
    scale = effect_metric.check_weights(weights, rows.shape[1])
    if np.any(effect_metric.norm(rows, scale) <= 0):
        raise ShapeError("a difference of effect length 0", wanted, code="shape:differences")
    order = sorted(range(len(rows)), key=lambda row: rows[row].tobytes())
    return rows[order], scale, order


def _as_given(values: Array, order: list[int]) -> Array:
    given = np.empty_like(values)
    given[order] = values
    return given


def _shares(counts: Array, order: list[int]) -> Array:
    return _as_given(counts / counts.sum(), order)


def _mean(rows: Array, scale: Array) -> tuple[Array, float]:
    """Mean direction of effect length 1, and the length of the mean; refuses rows that cancel out."""
    mean = rows.mean(axis=0)
    length = float(effect_metric.norm(mean, scale))
    if length < VANISHED * float(np.median(effect_metric.norm(rows, scale))):
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
    shares_: Array

    def fit(self, differences: npt.ArrayLike, weights: npt.ArrayLike) -> Self:
        """Learn from differences `[n, L, D]` under metric weights `[L]`."""
        rows, scale, order = _checked(differences, weights)
        self.direction_, self.resultant_length_ = _mean(effect_metric.unit(rows, scale), scale)
        self.shares_ = _shares(np.ones(len(rows)), order)
        return self

    def leaving_each_out(self, differences: npt.ArrayLike, weights: npt.ArrayLike) -> Array:
        """In one pass: the sum of the unit rows without the row, rescaled."""
        rows, scale, _ = _checked(differences, weights)
        units = effect_metric.unit(np.asarray(differences, dtype=np.float64), scale)
        others = effect_metric.unit(rows, scale).sum(axis=0) - units  # [n, L, D]
        lengths = effect_metric.norm(others, scale)[:, None, None]
        vanished = lengths < VANISHED * max(len(rows) - 1, 1)
        return np.where(vanished, 0.0, others / np.where(vanished, 1.0, lengths))

    def typical(self, projections: Array, strengths: Array) -> float:
        """The median."""
        return float(np.median(projections))


@AVERAGERS.register("clipped-mean")
class ClippedMeanDirection:
    """Strong members count more, none more than `limit` times the median member: the mean of the differences,
    longer ones shortened to that.

    The same noise of an inversion turns a faint change further than a strong one, and where a code puts a
    change on an axis that has another sign on some faces (a moustache that is paler than the skin), it is
    faint on those. The limit keeps one wild member from deciding, as the paper's unit directions do.
    """

    direction_: Array
    resultant_length_: float
    shares_: Array

    def __init__(self, limit: float = 2.0) -> None:
        self.limit = limit

    def fit(self, differences: npt.ArrayLike, weights: npt.ArrayLike) -> Self:
        """Learn from differences `[n, L, D]` under metric weights `[L]`."""
        rows, scale, order = _checked(differences, weights)
        strengths = effect_metric.norm(rows, scale)
        kept = self._kept(strengths)
        self.direction_, _ = _mean(rows * kept[:, None, None], scale)
        self.resultant_length_ = float(
            effect_metric.norm(effect_metric.unit(rows, scale).mean(axis=0), scale)
        )
        self.shares_ = _shares(strengths * kept, order)
        return self

    def leaving_each_out(self, differences: npt.ArrayLike, weights: npt.ArrayLike) -> Array:
        """Row by row: who is shortened depends on who is there."""
        rows, scale, order = _checked(differences, weights)
        strengths = effect_metric.norm(rows, scale)
        directions = np.zeros_like(rows)
        for row in range(len(rows) if len(rows) > 1 else 0):  # one row alone leaves nobody
            there = np.arange(len(rows)) != row
            kept = np.where(there, self._kept(strengths, np.median(strengths[there])), 0.0)
            others = (rows * kept[:, None, None]).mean(axis=0)
            if effect_metric.norm(others, scale) >= VANISHED * np.median(strengths):
                directions[row] = effect_metric.unit(others, scale)
        return _as_given(directions, order)

    def typical(self, projections: Array, strengths: Array) -> float:
        """The mean, weighted and shortened as the members are: above the plain mean, because a strong member
        counts by its length and by its vote. Steps come out too short otherwise, see docs/library.md.
        """
        order = np.lexsort((strengths, projections))  # sums are to be the same in any order of members
        projections, strengths = projections[order], strengths[order]
        kept = self._kept(strengths)
        return float(np.average(projections * kept, weights=strengths * kept))

    def _kept(self, strengths: Array, median: float | np.floating[Any] | None = None) -> Array:
        """The share of each difference that counts, `[n]`."""
        usual = np.median(strengths) if median is None else median
        return np.minimum(1.0, self.limit * usual / strengths)


@AVERAGERS.register("geometric-median")
class GeometricMedianDirection:
    """The point that the unit directions are nearest to in sum (Weiszfeld's iteration), rescaled.

    A minority of wrong members moves it less than the mean: each pulls with one unit of force, however far
    away.
    """

    direction_: Array
    resultant_length_: float
    shares_: Array

    def __init__(self, iterations: int = 64, smoothing: float = 1e-3) -> None:
        self.iterations = iterations
        self.smoothing = smoothing

    def fit(self, differences: npt.ArrayLike, weights: npt.ArrayLike) -> Self:
        """Learn from differences `[n, L, D]` under metric weights `[L]`."""
        rows, scale, order = _checked(differences, weights)
        rows = effect_metric.unit(rows, scale)
        _, self.resultant_length_ = _mean(rows, scale)
        centre, pull = rows.mean(axis=0), np.ones(len(rows))  # [L, D], [n]
        for _ in range(self.iterations):
            distances = effect_metric.norm(rows - centre, scale)  # [n]
            pull = 1.0 / np.sqrt(distances**2 + self.smoothing**2)
            centre = np.average(rows, axis=0, weights=pull)
        self.direction_, _ = _mean(centre[None], scale)
        self.shares_ = _shares(pull, order)
        return self

    def leaving_each_out(self, differences: npt.ArrayLike, weights: npt.ArrayLike) -> Array:
        """By fitting n times."""
        rows = np.asarray(differences, dtype=np.float64)
        directions = np.zeros_like(rows)
        for row in range(len(rows) if len(rows) > 1 else 0):  # one row alone leaves nobody
            others = type(self)(self.iterations, self.smoothing)
            try:
                directions[row] = others.fit(np.delete(rows, row, axis=0), weights).direction_
            except AveragingError:
                continue  # the others cancel out: they say nothing of this row
        return directions

    def typical(self, projections: Array, strengths: Array) -> float:
        """The median."""
        return float(np.median(projections))
