"""Figures on made-up readings whose right answer is known, each beside a wrong direction that must fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.errors import ShapeError
from inference.evaluation import figures
from inference.evaluation.figures import Readings

K, N, P = 8, 40, 5
OTHERS, NUISANCE = (1, 2, 3, 4), (6, 7)
LEVELS = np.array([0.0, 0.5, 1.0, 1.5])


def readings(gain: float, spill: float = 0.0, noise: float = 0.0, seed: int = 0) -> Readings:
    """Directions that move attribute 0 by `gain` of the true change, and attribute 1 by `spill` beside it."""
    rng = np.random.default_rng(seed)
    base = rng.random((N, K)) * 0.5
    change = np.zeros((P, N, K))
    change[..., 0] = 0.6 * gain
    change[..., 1] = 0.6 * spill
    change += noise * rng.standard_normal(change.shape)
    after = base.copy()
    after[:, 0] += 0.6
    curve = base[None, :, :1] + change[..., :1] * LEVELS
    remaining = (1 - gain) ** 2 + spill**2
    return Readings(
        target=0,
        others=OTHERS,
        nuisance=NUISANCE,
        sigma=np.full(K, 0.3),
        base=base,
        edited=base[None] + change,
        intensities=LEVELS,
        curve=curve,
        true_before=base,
        true_after=after,
        error_none=np.ones(N),
        error_own=np.full(N, 0.1),
        error_edited=np.full((P, N), 0.1 + 0.9 * remaining),
        leakage=np.full((P, N), spill),
        foreign=np.full((P, N), 1 + spill),
    )


def test_a_perfect_direction_has_perfect_figures() -> None:
    r = readings(1.0)
    assert figures.effect(r) == pytest.approx(1)
    assert figures.excess_entanglement(r) == pytest.approx(0)
    assert figures.worst_excess(r) == pytest.approx(0)
    assert figures.edit_share(r) == pytest.approx(1)
    assert figures.success(r) == 1
    assert figures.monotonicity(r) == pytest.approx(1)
    assert figures.identity(r) == pytest.approx(1)
    assert figures.leakage(r) == 0
    assert figures.realism(r) == 1


def test_half_a_direction_and_one_the_wrong_way() -> None:
    half, wrong = readings(0.4), readings(-1.0)
    assert figures.effect(half) == pytest.approx(0.4)
    assert figures.success(half) == 0
    assert figures.edit_share(half) == pytest.approx(1 - 0.36)
    assert figures.monotonicity(half) == pytest.approx(1)
    assert figures.effect(wrong) == pytest.approx(-1)
    assert figures.monotonicity(wrong) == pytest.approx(-1)
    assert figures.edit_share(wrong) < 0


def test_what_spills_into_another_attribute_is_counted_in_its_share_of_the_target() -> None:
    r = readings(0.5, spill=0.25)
    assert figures.worst_excess(r) == pytest.approx(0.5)  # as much as half of the target's change
    assert figures.excess_entanglement(r) == pytest.approx(0.5 / len(OTHERS))
    assert figures.leakage(r) == 0.25
    assert figures.realism(r) == pytest.approx(0.8)


def test_the_judges_own_confusion_is_not_held_against_a_direction() -> None:
    """A judge that sees glasses in every smile sees them in the truly drawn pair, too."""
    r = readings(1.0)
    confused = np.zeros(K)
    confused[2] = 0.2
    r = replace(r, edited=r.edited + confused, true_after=r.true_after + confused)
    assert figures.excess_entanglement(r) == pytest.approx(0)
    r = replace(r, true_after=r.true_after - confused)
    assert figures.excess_entanglement(r) > 0.05


def test_identity_is_lost_with_the_nuisance() -> None:
    r = readings(1.0)
    moved = r.edited.copy()
    moved[..., 6] += 0.3  # one of two nuisance numbers by a sigma
    assert figures.identity(replace(r, edited=moved)) == pytest.approx(0.5)


def test_intervals_hold_the_value_and_narrow_with_less_noise() -> None:
    widths = []
    for noise in (0.05, 0.2):
        of = {name: readings(0.8, noise=noise, seed=seed) for seed, name in enumerate(("a", "b", "c"))}
        mean, each = figures.over_semantics(of, figures.effect, resamples=200)
        assert mean.low < mean.value < mean.high
        assert mean.low < 0.8 < mean.high
        assert set(each) == {"a", "b", "c"}
        widths.append(mean.high - mean.low)
    assert widths[0] < widths[1]


def test_a_paired_difference_sees_what_separate_intervals_do_not() -> None:
    good = {name: readings(0.8, noise=0.3, seed=seed) for seed, name in enumerate("abcd")}
    better = {name: replace(r, edited=r.edited + np.eye(K)[0] * 0.02) for name, r in good.items()}
    difference = figures.paired_difference(better, good, figures.effect, resamples=100)
    assert difference.low > 0
    assert difference.value == pytest.approx(0.02 / 0.6)
    apart = figures.over_semantics(better, figures.effect)[0].low
    assert apart < figures.over_semantics(good, figures.effect)[0].high


def test_a_difference_from_a_single_direction_is_over_all_draws_of_the_other() -> None:
    """The first of five directions is far off: it must count as one of five, in value and interval."""
    r = readings(0.8)
    away = np.zeros_like(r.edited)
    away[0, :, 0] = -0.6
    several = {"a": replace(r, edited=r.edited + away)}
    single = {"a": r.rows(np.array([1]), np.arange(N))}
    difference = figures.paired_difference(several, single, figures.effect, resamples=200)
    assert difference.value == pytest.approx(-0.2)
    assert difference.low < -0.3  # more than one of the five may be the one that is off
    assert difference.high == pytest.approx(0)  # or none
    back = figures.paired_difference(single, several, figures.effect, resamples=200)
    assert back.low == pytest.approx(0)
    assert back.high > 0.3


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match="leakage"):
        replace(readings(1.0), leakage=np.zeros((P, N + 1)))


def test_directions_among_themselves() -> None:
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(6)[:3], 8, axis=0)
    labels = [label for label in "abc" for _ in range(8)]

    def cosines(noise: float) -> np.ndarray:
        vectors = centres + noise * rng.standard_normal(centres.shape)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors @ vectors.T

    near = cosines(0.1)
    within, between = figures.cosine_within(near, labels), figures.cosine_between(near, labels)
    assert within > 0.85 > 0.3 > abs(between)
    far = cosines(0.6)
    interval = figures.over_pairs(lambda rows: figures.cosine_within(far, labels, rows), labels)
    assert interval.low < interval.value == figures.cosine_within(far, labels) < interval.high < within
    interval = figures.over_pairs(lambda rows: figures.purity(far, labels, rows), labels)
    assert interval.low < interval.value < 1  # a pair drawn twice is not its own neighbour
    assert figures.purity(cosines(0.1), labels) == 1.0
    shuffled = list(rng.permutation(labels))
    assert figures.purity(cosines(0.1), shuffled) < 0.7
    assert figures.mislabel_auc([0.9, 0.8, 0.7], [0.1, 0.2]) == 1.0
    assert figures.mislabel_auc([0.1, 0.9], [0.1, 0.9]) == 0.5
