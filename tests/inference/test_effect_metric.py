from __future__ import annotations

import numpy as np
import pytest
import torch

from inference import effect_metric
from inference.errors import ShapeError


def test_inner_is_the_layer_weighted_sum():
    a = np.arange(6.0).reshape(3, 2)  # [L, D]
    b = np.ones((3, 2))
    assert effect_metric.inner(a, b, [1, 10, 100]) == pytest.approx(1 + 10 * 5 + 100 * 9)


def test_leading_axes_broadcast():
    a = np.random.default_rng(0).normal(size=(4, 3, 2))
    lengths = effect_metric.norm(a, [1, 2, 3])
    assert lengths.shape == (4,)
    assert lengths[2] == pytest.approx(float(effect_metric.norm(a[2], [1, 2, 3])))


def test_cosine_ignores_layers_that_do_nothing():
    a, b = np.zeros((2, 2)), np.zeros((2, 2))
    a[0, 0] = b[0, 0] = 1  # the same where it matters
    a[1, 0], b[1, 1] = 50, 50  # orthogonal where it does not
    assert float(effect_metric.cosine(a, b, [1, 0])) == pytest.approx(1.0)
    assert float(effect_metric.cosine(a, b, [1, 1])) < 0.01


def test_cosine_with_nothing_is_zero():
    assert float(effect_metric.cosine(np.zeros((2, 2)), np.ones((2, 2)), [1, 1])) == 0.0


def test_unit_has_effect_length_one_and_refuses_zero():
    a = np.random.default_rng(1).normal(size=(5, 3, 2))
    assert effect_metric.norm(effect_metric.unit(a, [0.5, 2, 7]), [0.5, 2, 7]) == pytest.approx(np.ones(5))
    with pytest.raises(ShapeError) as caught:
        effect_metric.unit(np.zeros((3, 2)), [1, 1, 1])
    assert caught.value.code == "shape:zero"


@pytest.mark.parametrize("weights", [[1, 2], [1, 2, -1], [0, 0, 0], [1, 2, np.nan], [[1, 2, 3]]])
def test_weights_that_make_no_inner_product_are_refused(weights):
    with pytest.raises(ShapeError) as caught:
        effect_metric.norm(np.ones((3, 2)), weights)
    assert caught.value.code == "shape:metric"


def test_measured_weights_follow_the_effect_of_each_layer(tiny):
    """Halving one layer's moves inside the generator must quarter its weight, relative to the others."""
    plain = effect_metric.measure_weights(tiny.generator, samples=8)
    assert plain.mean() == pytest.approx(1.0)

    class Halved(torch.nn.Module):
        """The tiny generator, to which layer 2's moves count half."""

        num_layers, z_dim, w_avg = tiny.generator.num_layers, tiny.generator.z_dim, tiny.generator.w_avg
        base = torch.zeros(())

        def mapping(self, z):
            return tiny.generator.mapping(z)

        def synthesis(self, codes):
            inside = codes.clone()
            inside[:, 2] = codes[:1, 2] + 0.5 * (codes[:, 2] - codes[:1, 2])
            return tiny.generator.synthesis(inside)

    halved = effect_metric.measure_weights(Halved(), samples=8)
    ratio = (halved[2] / halved[0]) / (plain[2] / plain[0])
    assert ratio == pytest.approx(0.25, rel=0.05)


def test_measurement_is_seeded(tiny):
    first = effect_metric.measure_weights(tiny.generator, samples=4, seed=3)
    again = effect_metric.measure_weights(tiny.generator, samples=4, seed=3)
    other = effect_metric.measure_weights(tiny.generator, samples=4, seed=4)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
