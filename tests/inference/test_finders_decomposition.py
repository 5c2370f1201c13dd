"""Mixtures whose parts are known; a twin of the right answer that is wrong must come out wrong."""

from __future__ import annotations

import numpy as np
import pytest

from inference import effect_metric
from inference.errors import OptionError, ShapeError
from inference.finders import decompose

WEIGHTS = np.array([4.0, 1.0, 0.25])


def known(count=8, *, common=0.5, seed=0):
    """Differences `[count, 3, 64]` that have something in common, as real ones do."""
    source = np.random.default_rng(seed)
    return source.normal(size=(count, 3, 64)) + common * source.normal(size=(3, 64))


def mixture(differences, parts, noise, seed):
    mixed = np.tensordot(list(parts.values()), differences[list(parts)], axes=1)
    wobble = np.random.default_rng(seed).normal(size=mixed.shape)
    share = noise * effect_metric.norm(mixed, WEIGHTS) / effect_metric.norm(wobble, WEIGHTS)
    return mixed + share * wobble


@pytest.mark.parametrize("parts", [{1: 1.0}, {0: 0.7, 5: 1.2}, {2: 1.0, 3: 0.6, 7: 1.4}])
def test_the_right_ones_in_the_right_amounts(parts):
    differences = known()
    for seed in range(10):
        found = decompose(mixture(differences, parts, 0.05, seed), differences, WEIGHTS)
        assert sorted(found.parts) == sorted(parts)
        assert found.amounts[list(parts)] == pytest.approx(list(parts.values()), rel=0.2)
        assert found.residual < 0.15


def test_amounts_are_the_least_squares_of_those_named():
    """The lasso chooses, but its shrinking of amounts is undone."""
    differences = known()
    mixed = mixture(differences, {0: 0.7, 5: 1.2}, 0.1, 0)
    found = decompose(mixed, differences, WEIGHTS)
    for part in (0, 5):
        left = effect_metric.inner(found.remainder, differences[part], WEIGHTS)
        assert left == pytest.approx(0.0, abs=1e-9)
    assert mixed == pytest.approx(np.tensordot(found.amounts, differences, axes=1) + found.remainder)
    assert found.residual == pytest.approx(
        effect_metric.norm(found.remainder, WEIGHTS) / effect_metric.norm(mixed, WEIGHTS)
    )


def test_it_is_sparse_where_plain_least_squares_is_not():
    differences = known(count=14)
    mixed = mixture(differences, {0: 1.0, 5: 1.0}, 0.3, 1)
    plain = decompose(mixed, differences, WEIGHTS, sparsity=0.0, floor=0.0)
    assert len(plain.parts) > 4
    assert sorted(decompose(mixed, differences, WEIGHTS).parts) == [0, 5]


def test_what_is_in_no_known_one_is_left_over():
    differences = known()
    found = decompose(np.random.default_rng(9).normal(size=(3, 64)), differences, WEIGHTS)
    assert found.residual > 0.7


def test_an_opposite_is_not_a_negative_amount():
    differences = known(2, common=0.0)
    found = decompose(-differences[0], differences[:1], WEIGHTS)
    assert found.parts == []
    assert found.residual == pytest.approx(1.0)
    both = decompose(-differences[0], [differences[0], -differences[0]], WEIGHTS)
    assert both.amounts == pytest.approx([0.0, 1.0])


def test_lengths_are_those_of_the_effect_metric():
    """Noise in a layer that draws nothing changes nothing."""
    differences = known()
    mixed = mixture(differences, {0: 0.7, 5: 1.2}, 0.0, 0)
    mixed[2] += 100.0
    found = decompose(mixed, differences, [4.0, 1.0, 0.0])
    assert found.amounts[[0, 5]] == pytest.approx([0.7, 1.2])
    assert found.parts == [5, 0]
    assert decompose(mixed, differences, [1.0, 1.0, 1.0]).residual > 0.9


def test_the_order_of_the_known_is_only_their_number():
    differences = known()
    mixed = mixture(differences, {1: 0.7, 5: 1.2}, 0.1, 0)
    order = np.random.default_rng(0).permutation(8)
    shuffled = decompose(mixed, differences[order], WEIGHTS)
    assert shuffled.amounts == pytest.approx(decompose(mixed, differences, WEIGHTS).amounts[order], abs=1e-6)


@pytest.mark.parametrize(
    ("difference", "others"),
    [
        (np.ones((3, 12)), np.ones((0, 3, 12))),
        (np.ones((3, 12)), np.ones((2, 3, 11))),
        (np.ones(36), np.ones((2, 36))),
        (np.zeros((3, 12)), np.ones((1, 3, 12))),
        (np.ones((3, 12)), np.zeros((1, 3, 12))),
    ],
)
def test_what_cannot_be_taken_apart_is_refused(difference, others):
    with pytest.raises(ShapeError):
        decompose(difference, others, WEIGHTS)


@pytest.mark.parametrize("options", [{"sparsity": 1.0}, {"sparsity": -0.1}, {"floor": 1.0}])
def test_shares_are_shares(options):
    with pytest.raises(OptionError):
        decompose(np.ones((3, 12)), np.ones((1, 3, 12)), WEIGHTS, **options)


def test_changes_drawn_together_are_named_on_the_embedded_bundle():
    """A small part of `python -m benchmarks decomposition`; its twin does not know one of the two."""
    from benchmarks.decomposition import averaged, weights_of
    from inference.bundle import Bundle

    bundle = Bundle.load("portraits")
    names = ["glasses", "hair_length", "hat", "skin_tone"]
    first = 10_590_000
    differences = np.stack([averaged(bundle, [name], first + 10 * k, 3) for k, name in enumerate(names)])
    mixed = averaged(bundle, ["glasses", "hat"], first + 100, 3)
    found = decompose(mixed, differences, weights_of(bundle))
    assert [names[part] for part in found.parts] == ["hat", "glasses"]
    assert found.amounts[[0, 2]] == pytest.approx([1.0, 1.0], abs=0.3)
    without = decompose(mixed, differences[[0, 1, 3]], weights_of(bundle))
    assert without.residual > 0.7 > 2 * found.residual
