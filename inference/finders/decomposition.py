"""Which known directions is an entangled one made of, and how much of each?

    minimise  || d - sum_k a_k s_k ||_M      a_k >= 0, few of them above 0

where d and the known s_k are differences of codes (a direction times its step), so that an amount is an
intensity: 0.8 means 0.8 steps of that direction. Lengths are those of the effect metric. A non-negative lasso
(Tibshirani 1996; scikit-learn's) chooses who takes part, then non-negative least squares (scipy's) refits the
amounts of the chosen, because the lasso's own are drawn towards 0. What no known direction explains is the
residual. This module knows no names and no files, and does not tell which side of an opposite is meant: to
look for both sides of one, give it twice, once negated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls
from sklearn.linear_model import Lasso

from inference import effect_metric
from inference.errors import OptionError, ShapeError

Array = npt.NDArray[np.float64]
# Both chosen on people and mixtures of their own, see docs/finders.md.
SPARSITY = 0.1  # the lasso's penalty as a share of the one under which nothing takes part
FLOOR = 0.1  # of the largest contribution; what is shorter is dropped, and the rest refitted


@dataclass(frozen=True, eq=False)
class Decomposition:
    """What was found.

    Attributes:
        amounts: `[K]`, steps of each known direction, 0 for those that take no part.
        shares: `[K]`, each contribution's length over that of what was decomposed, in the effect metric.
        residual: the length of what is left, over the same, 0..1.
        remainder: what is left, `[L, D]`.
    """

    amounts: Array  # [K]
    shares: Array  # [K]
    residual: float
    remainder: Array  # [L, D]

    @property
    def parts(self) -> list[int]:
        """Which known directions take part, the largest contribution first."""
        order = np.argsort(-self.shares, kind="stable")
        return [int(k) for k in order if self.amounts[k] > 0]


def decompose(
    difference: npt.ArrayLike,
    known: Sequence[npt.ArrayLike] | npt.NDArray[np.float64],
    weights: npt.ArrayLike,
    *,
    sparsity: float = SPARSITY,
    floor: float = FLOOR,
) -> Decomposition:
    """Decompose a difference of codes into known ones.

    Args:
        difference: `[L, D]`, a direction times its step.
        known: `[K, L, D]`, K >= 1 directions times their steps.
        weights: the effect metric `[L]`.
        sparsity: the lasso's penalty as a share of the one that leaves nothing, 0..1.
        floor: contributions shorter than this share of the longest are dropped, 0..1.
    Raises:
        ShapeError: other shapes, or something of effect length 0. OptionError: shares outside 0..1.
    """
    target = np.asarray(difference, dtype=np.float64)
    columns = np.asarray(known, dtype=np.float64)
    if target.ndim != 2 or columns.ndim != 3 or columns.shape[1:] != target.shape or not len(columns):
        raise ShapeError(
            f"a difference of shape {list(target.shape)} and known ones of {list(columns.shape)}",
            "[L, D] and [K >= 1, L, D]",
            code="shape:codes",
        )
    for name, share in (("sparsity", sparsity), ("floor", floor)):
        if not 0 <= share < 1:
            raise OptionError(f"{name}={share}", "a share from 0 to below 1", code=f"option:{name}")
    length = float(effect_metric.norm(target, weights))
    lengths = effect_metric.norm(columns, weights)  # [K]
    if length <= 0 or np.any(lengths <= 0):
        raise ShapeError(
            "a difference of effect length 0", "differences that change the picture", code="shape:zero"
        )
    roots = np.sqrt(effect_metric.check_weights(weights, len(target)))[:, None]  # [L, 1]
    aim = (target * roots).ravel() / length  # [L * D], length 1
    basis = (columns * roots).reshape(len(columns), -1).T / lengths  # [L * D, K], columns of length 1
    contributions = _few(aim, basis, sparsity, floor)
    amounts = contributions * length / lengths
    remainder = target - np.tensordot(amounts, columns, axes=1)
    return Decomposition(
        amounts=amounts,
        shares=contributions,
        residual=float(effect_metric.norm(remainder, weights)) / length,
        remainder=remainder,
    )


def _few(aim: Array, basis: Array, sparsity: float, floor: float) -> Array:
    """Non-negative lengths `[K]` along unit columns, few above 0."""
    chosen = np.arange(basis.shape[1])
    strongest = float((basis.T @ aim).max())
    if strongest <= 0:
        return np.zeros(basis.shape[1])  # all known directions lead away: nothing of them is in it
    if sparsity > 0:
        # scikit-learn's loss is a mean over rows: its alpha is the penalty over their number
        lasso = Lasso(alpha=sparsity * strongest / len(aim), positive=True, fit_intercept=False, tol=1e-8)
        chosen = np.flatnonzero(lasso.fit(basis, aim).coef_ > 0)
    lengths = np.zeros(basis.shape[1])
    while len(chosen):
        found, _ = nnls(basis[:, chosen], aim)
        lengths[:] = 0.0
        lengths[chosen] = found
        kept = chosen[found >= max(floor * float(found.max()), 1e-12)]
        if len(kept) == len(chosen):
            break
        chosen = kept
    return lengths
