"""The two populations: the same people one number at a time, other company."""

from __future__ import annotations

import numpy as np
import pytest

from inference.errors import OptionError
from inference.portraits import SCENE_NAMES
from inference.portraits.populations import CORRELATIONS, correlation_matrix, population

COUNT = 20_000


def drawn(name: str) -> np.ndarray:
    return population(name)(np.random.default_rng(1), COUNT)


def together(scenes: np.ndarray, a: str, b: str) -> float:
    return float(np.corrcoef(scenes[:, SCENE_NAMES.index(a)], scenes[:, SCENE_NAMES.index(b)])[0, 1])


def test_the_stated_matrix_is_one() -> None:
    matrix = correlation_matrix()
    assert np.array_equal(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > 0.05
    assert np.array_equal(np.diag(matrix), np.ones(len(SCENE_NAMES), np.float32))


def test_what_goes_together_and_what_does_not() -> None:
    correlated, balanced = drawn("correlated"), drawn("balanced")
    strong = [("beard", "moustache"), ("age_lines", "hair_colour"), ("lipstick", "earrings"),
              ("lipstick", "hair_length"), ("earrings", "hair_length")]  # fmt: skip
    for pair in strong:
        assert together(correlated, *pair) == pytest.approx(0.6, abs=0.04), pair
    for pair, latent in CORRELATIONS.items():
        assert np.sign(together(correlated, *pair)) == np.sign(latent)
        assert abs(together(balanced, *pair)) < 0.03
    assert abs(together(correlated, "smile", "hat")) < 0.03


def test_each_number_alone_is_distributed_the_same_in_both() -> None:
    quantiles = np.linspace(0.02, 0.98, 25)
    correlated, balanced = (
        np.quantile(drawn(name), quantiles, axis=0) for name in ("correlated", "balanced")
    )
    # at the edge of an absent share a quantile may jump; the mean over quantiles does not
    assert np.abs(correlated - balanced).mean(0).max() < 0.025


def test_an_unknown_population_is_refused() -> None:
    with pytest.raises(OptionError, match="balanced, correlated"):
        population("french")
