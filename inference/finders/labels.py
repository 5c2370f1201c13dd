"""From a judge's scores to the labels that supervised finders learn from.

InterFaceGAN labels the clearest cases: of many scored codes the highest and the lowest, and leaves out the
middle (Shen et al. 2020, section 4.1). That uses the score of every candidate. Who has time for twenty
pictures only has none of the others: `some` draws codes at random on each side of a threshold, as a person
does who looks for ten pictures with and ten without. Nothing here judges pictures.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from inference.errors import FinderError

Rows = npt.NDArray[np.int64]
Labels = npt.NDArray[np.bool_]


def extremes(scores: npt.ArrayLike, count: int) -> tuple[Rows, Labels]:
    """The `count / 2` lowest and the `count / 2` highest scores.

    Args:
        scores: `[N]`, of N candidates; at least `count` of them.
    Returns:
        rows `[count]` of the chosen candidates and their labels `[count]`, True for the highest.

    Example:
        >>> rows, labels = extremes(judge_scores, 2000)
        >>> finder.fit(Material(codes[rows], weights, labels=labels))
    """
    values, half = _checked(scores, count)
    order = np.argsort(values, kind="stable")
    low, high = order[:half], order[-half:]
    if values[low[-1]] >= values[high[0]]:
        raise FinderError(
            f"scores of which the {half} lowest and the {half} highest are not apart",
            "scores that differ",
            "ask for fewer labels, or score more candidates",
            code="finder:scores",
        )
    return _both(low, high)


def some(
    scores: npt.ArrayLike, count: int, *, threshold: float | None = None, seed: int = 0
) -> tuple[Rows, Labels]:
    """`count / 2` codes drawn at random below a threshold and as many above; the default is the middle score.

    Returns:
        rows `[count]` of the drawn candidates and their labels `[count]`, True above the threshold.
    """
    values, half = _checked(scores, count)
    line = float(values.min() + values.max()) / 2 if threshold is None else threshold
    sides = [np.flatnonzero(values <= line), np.flatnonzero(values > line)]
    if min(map(len, sides)) < half:
        raise FinderError(
            f"{len(sides[0])} scores up to {line:g} and {len(sides[1])} above",
            f"at least {half} of each",
            "score more candidates, or move the threshold",
            code="finder:scores",
        )
    source = np.random.default_rng(seed)
    low, high = (source.choice(side, size=half, replace=False) for side in sides)
    return _both(low, high)


def _checked(scores: npt.ArrayLike, count: int) -> tuple[npt.NDArray[np.float64], int]:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not np.all(np.isfinite(values)):
        raise FinderError(f"scores of shape {list(values.shape)}", "finite [N]", code="finder:scores")
    if count < 2 or count % 2 or count > len(values):
        raise FinderError(
            f"{count} labels of {len(values)} scores",
            "an even number from 2 up to the number of scores",
            code="finder:scores",
        )
    return values, count // 2


def _both(low: Rows, high: Rows) -> tuple[Rows, Labels]:
    return np.concatenate([low, high]), np.repeat([False, True], [len(low), len(high)])
