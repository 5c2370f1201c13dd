"""The figures by which a direction is judged where the truth is known: pure arrays in, numbers out.

For one semantic and one way of finding its direction, P directions (each from other pairs) are applied, at
intensity 1, to N held-out faces. `Readings` holds what was measured of all of them; a figure is a function of
Readings; an interval resamples faces *and* directions, because both were drawn. Attribute readings are a
judge's, in scene units; sigma is their spread over the balanced population. Nothing here knows pictures.

Sources: success, monotonicity, excess over other attributes (Shen et al. 2020; Wu, Lischinski and Shechtman
2021), leakage outside the region and edit share are this project's own (docs/evaluation.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from inference.errors import OptionError, ShapeError

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Readings:
    """What was measured of P directions of one semantic on N faces; K attributes, A intensities.

    Attributes:
        target: the semantic's index among the K attributes; others, nuisance: indices of those that count
            as other attributes and as identity.
        base, edited: readings of the reconstruction `[N, K]` and of it edited `[P, N, K]`.
        curve: the target's reading along `intensities` `[A]`, `[P, N, A]`.
        true_before, true_after: readings of the drawn faces without and with the change, `[N, K]`.
        error_none, error_own, error_edited: mean squared error to the true edited picture inside the
            attribute's mask, of the reconstruction `[N]`, of the face's own inverted change `[N]`, and of the
            edits `[P, N]`.
        leakage: mean absolute change outside the mask over that inside it, `[P, N]`.
        foreign: inversion error of the edited picture over that of the reconstruction, `[P, N]`.
    """

    target: int
    others: tuple[int, ...]
    nuisance: tuple[int, ...]
    sigma: Array  # [K]
    base: Array  # [N, K]
    edited: Array  # [P, N, K]
    intensities: Array  # [A]
    curve: Array  # [P, N, A]
    true_before: Array  # [N, K]
    true_after: Array  # [N, K]
    error_none: Array  # [N]
    error_own: Array  # [N]
    error_edited: Array  # [P, N]
    leakage: Array  # [P, N]
    foreign: Array  # [P, N]

    def __post_init__(self) -> None:
        n, k = self.base.shape
        p = len(self.edited)
        a = len(self.intensities)
        shapes = {
            "sigma": (k,),
            "edited": (p, n, k),
            "curve": (p, n, a),
            "true_before": (n, k),
            "true_after": (n, k),
            "error_none": (n,),
            "error_own": (n,),
            "error_edited": (p, n),
            "leakage": (p, n),
            "foreign": (p, n),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ShapeError(
                    f"{name} of shape {getattr(self, name).shape}", f"{shape}", code="shape:readings"
                )

    def rows(self, directions: Rows, faces: Rows) -> Readings:
        """The same, of some directions and faces; an index may come more than once."""
        changed: dict[str, Any] = {
            name: getattr(self, name)[faces]
            for name in ("base", "true_before", "true_after", "error_none", "error_own")
        }
        for name in ("edited", "curve", "error_edited", "leakage", "foreign"):
            changed[name] = getattr(self, name)[directions][:, faces]
        return replace(self, **changed)


def effect(r: Readings) -> float:
    """Mean change of the target's reading over the mean change that the truly drawn pair shows."""
    t = r.target
    wanted = (r.true_after[:, t] - r.true_before[:, t]).mean()
    return float((r.edited[:, :, t] - r.base[None, :, t]).mean() / wanted)


def _entanglement(change: Array, r: Readings) -> Array:
    """|other| over |mean target| in sigma, for each other attribute; change `[..., K]` -> `[len(others)]`."""
    scaled = change.reshape(-1, change.shape[-1]) / r.sigma
    moved = abs(scaled[:, r.target].mean())
    relative: Array = np.abs(scaled[:, list(r.others)]).mean(0) / max(moved, 1e-3)
    return relative


def excess_entanglement(r: Readings) -> float:
    """Mean |other| over |target| in sigma, minus the same for the truly drawn pair. A perfect edit has 0."""
    return float(np.mean(_excess(r)))


def worst_excess(r: Readings) -> float:
    """The largest such excess among the other attributes."""
    return float(np.max(_excess(r)))


def _excess(r: Readings) -> Array:
    return _entanglement(r.edited - r.base, r) - _entanglement(r.true_after - r.true_before, r)


def edit_share(r: Readings) -> float:
    """How much of the way from no edit to the face's own inverted change an edit goes, in squared error
    to the true edited picture inside the mask. 1 is as good as inverting the true picture."""
    possible = (r.error_none - r.error_own).mean()
    return float((r.error_none[None] - r.error_edited).mean() / possible)


def success(r: Readings) -> float:
    """Share of edits that change the target by at least half of what this face's true change shows."""
    t = r.target
    made, true = r.edited[:, :, t] - r.base[None, :, t], (r.true_after - r.true_before)[:, t]
    return float((made * np.sign(true.mean()) >= 0.5 * np.abs(true)).mean())


def monotonicity(r: Readings) -> float:
    """Mean rank correlation (Spearman) of intensity and the target's reading; 1 is monotone as wanted."""
    sign = np.sign((r.true_after - r.true_before)[:, r.target].mean())
    ranks = rankdata(r.curve, axis=2) - (len(r.intensities) + 1) / 2  # [P, N, A]
    wanted = rankdata(r.intensities) - (len(r.intensities) + 1) / 2
    spread = np.sqrt((ranks**2).sum(2) * (wanted**2).sum())
    return float((sign * (ranks @ wanted) / np.maximum(spread, 1e-12)).mean())


def identity(r: Readings) -> float:
    """1 minus the mean change of nuisance readings in sigma, beyond what the truly drawn pair's readings
    show. 1 is the same person."""
    which = list(r.nuisance)
    made = (np.abs(r.edited - r.base) / r.sigma)[..., which].mean()
    true = (np.abs(r.true_after - r.true_before) / r.sigma)[..., which].mean()
    return float(1 - max(made - true, 0.0))


def leakage(r: Readings) -> float:
    """Mean absolute change outside the attribute's mask over that inside it. 0 is local."""
    return float(r.leakage.mean())


def realism(r: Readings) -> float:
    """Inversion error of the reconstruction over that of the edited picture: 1 is as much of this world."""
    return float(1 / r.foreign.mean())


FIGURES: Mapping[str, Callable[[Readings], float]] = {
    "effect": effect,
    "excess_entanglement": excess_entanglement,
    "worst_excess": worst_excess,
    "edit_share": edit_share,
    "success": success,
    "monotonicity": monotonicity,
    "identity": identity,
    "leakage": leakage,
    "realism": realism,
}
SMALLER_IS_BETTER = ("excess_entanglement", "worst_excess", "leakage", "cosine_between")


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def over_semantics(
    readings: Mapping[str, Readings],
    figure: Callable[[Readings], float],
    *,
    resamples: int = 400,
    seed: int = 0,
) -> tuple[Interval, dict[str, Interval]]:
    """A figure's mean over semantics, and each semantic's own, with intervals over faces and directions."""
    if not readings:
        raise OptionError("no semantic", "at least one", code="option:semantics")
    rng = np.random.default_rng(seed)
    values, drawn = {}, {}
    for name, r in readings.items():
        values[name] = figure(r)
        picks = [_resampled(rng, *r.error_edited.shape) for _ in range(resamples)]
        drawn[name] = np.array([figure(r.rows(*pick)) for pick in picks])
    mean = interval(float(np.mean(list(values.values()))), np.mean(list(drawn.values()), axis=0))
    return mean, {name: interval(values[name], drawn[name]) for name in readings}


def paired_difference(
    first: Mapping[str, Readings],
    second: Mapping[str, Readings],
    figure: Callable[[Readings], float],
    *,
    resamples: int = 400,
    seed: int = 0,
) -> Interval:
    """Mean over semantics of first minus second, both on the same resampled faces.

    Two ways with equally many directions share their draws, too (the same pairs, inverted or averaged in two
    ways); where one has more, each is resampled for itself, so that none of its draws is left out.
    """
    both = _on_the_same_faces(first, second, figure, resamples, seed)
    value, *drawn = (both[0] - both[1]).mean(0)
    return interval(float(value), np.array(drawn))


def paired_ratio(
    first: Mapping[str, Readings],
    second: Mapping[str, Readings],
    figure: Callable[[Readings], float],
    *,
    of_each: bool = False,
    resamples: int = 400,
    seed: int = 0,
) -> Interval:
    """The first's mean over semantics over the second's (or the mean of each semantic's ratio), both on the
    same resampled faces as in `paired_difference`."""
    a, b = _on_the_same_faces(first, second, figure, resamples, seed)
    value, *drawn = (a / b).mean(0) if of_each else a.mean(0) / b.mean(0)
    return interval(float(value), np.array(drawn))


def _on_the_same_faces(
    first: Mapping[str, Readings],
    second: Mapping[str, Readings],
    figure: Callable[[Readings], float],
    resamples: int,
    seed: int,
) -> Array:
    """The figure of both ways, of all faces and then of each resample: [2, semantics, 1 + resamples]."""
    rng = np.random.default_rng(seed)
    found = []
    for name, a in first.items():
        b = second[name]
        row = [(figure(a), figure(b))]
        for _ in range(resamples):
            directions, faces = _resampled(rng, *a.error_edited.shape)
            others = directions
            if len(b.edited) != len(a.edited):
                others = rng.choice(len(b.edited), (len(b.edited),))
            row.append((figure(a.rows(directions, faces)), figure(b.rows(others, faces))))
        found.append(row)
    return np.moveaxis(np.array(found), 2, 0)


def _resampled(rng: np.random.Generator, directions: int, faces: int) -> tuple[Rows, Rows]:
    return rng.choice(directions, (directions,)), rng.choice(faces, (faces,))


def interval(value: float, drawn: Array) -> Interval:
    """A value with the middle 95 % of what was drawn for it."""
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(value, float(low), float(high))


def plain(interval: Interval) -> dict[str, float]:
    """Rounded, ready for JSON."""
    return {"value": round(interval.value, 4), "low": round(interval.low, 4), "high": round(interval.high, 4)}


def bootstrap(
    statistic: Callable[..., float], *columns: Array, resamples: int = 400, seed: int = 0
) -> Interval:
    """A statistic of columns [N], one row a portrait, with its 95 % interval over resampled rows."""
    count = len(columns[0])
    if any(len(column) != count for column in columns) or not count:
        raise OptionError(
            f"columns of {[len(column) for column in columns]} rows",
            "equally long ones with at least one row",
            code="option:bootstrap",
        )
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, count, (resamples, count))
    drawn = [statistic(*(column[rows] for column in columns)) for rows in picks]
    return interval(float(statistic(*columns)), np.array(drawn))


# --- directions among themselves: cosines [n, n] in the effect metric, and a label for each ----------------


def over_pairs(
    figure: Callable[[Rows], float], labels: Sequence[str], *, resamples: int = 400, seed: int = 0
) -> Interval:
    """A figure of the directions `labels` names, with its interval over draws of each label's directions.

    `figure` is given rows, in which one may come more than once: it must not compare it with itself then. Two
    different ones of each label are always there, where there are two.
    """
    rng = np.random.default_rng(seed)
    names = np.asarray(labels)
    groups = [np.flatnonzero(names == name) for name in dict.fromkeys(labels)]

    def draw(group: Rows) -> Rows:
        while True:
            rows = rng.choice(group, len(group))
            if len(group) < 2 or len(np.unique(rows)) > 1:
                return rows

    drawn = [figure(np.concatenate([draw(group) for group in groups])) for _ in range(resamples)]
    return interval(figure(np.arange(len(names))), np.array(drawn))


def cosine_within(cosines: Array, labels: Sequence[str], rows: Rows | None = None) -> float:
    """Mean cosine of two different directions of one semantic; of all rows, or of some."""
    some, same, other = _among(cosines, labels, rows)
    return float(some[same & other].mean())


def cosine_between(
    cosines: Array, labels: Sequence[str], rows: Rows | None = None, of: str | None = None
) -> float:
    """Mean cosine of directions of two semantics; or of one semantic's with all others'."""
    some, same, _ = _among(cosines, labels, rows)
    if of is not None:
        names = np.asarray(labels) if rows is None else np.asarray(labels)[rows]
        some, same = some[names == of], same[names == of]
    return float(some[~same].mean())


def purity(cosines: Array, labels: Sequence[str], rows: Rows | None = None) -> float:
    """Share of directions whose nearest other one is of the same semantic (1-NN); of all, or of some rows.

    The nearest is looked for among all, also when rows were drawn: a draw lacks a third of them.
    """
    everything, same, other = _among(cosines, labels, None)
    nearest = np.where(other, everything, -np.inf).argmax(1)
    hits = same[np.arange(len(same)), nearest]
    return float(hits.mean() if rows is None else hits[rows].mean())


def mislabel_auc(own: Sequence[float], wrong: Sequence[float]) -> float:
    """How well the cosine to the others' average tells right labels from wrong ones (area under ROC)."""
    labels = [1] * len(own) + [0] * len(wrong)
    return float(roc_auc_score(labels, [*own, *wrong]))


def _among(
    cosines: Array, labels: Sequence[str], rows: Rows | None
) -> tuple[Array, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """The cosines of rows, whether two are of one semantic, and whether they are two; each [n, n]."""
    which = np.arange(len(labels)) if rows is None else rows
    names = np.asarray(labels)[which]
    return (
        cosines[np.ix_(which, which)],
        names[:, None] == names[None, :],
        which[:, None] != which[None, :],
    )
