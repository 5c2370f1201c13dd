"""Each finder finds what is there: codes and weights in which the answer is known by construction."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from inference import effect_metric
from inference.averaging import load_direction
from inference.editing import strip
from inference.errors import DirectionError, FinderError, RegistryError, ShapeError
from inference.finders import Component, Direction, GANSpace, InterFaceGAN, Material, MeanDifference, SeFa
from inference.finders.discovery import draw_codes, find_components, style_matrices
from inference.finders.interfacegan import projected
from inference.finders.labels import extremes, some
from inference.generators.base import Generator

WEIGHTS = np.array([2.0, 1.0])


def shared(rows):
    """W codes `[n, 2, D]`."""
    return np.repeat(np.asarray(rows, dtype=float)[:, None, :], 2, axis=1)


def labelled(count=400, *, tilt=0.0, seed=0):
    """An attribute along axis 0 with much noise along axis 1, correlated with the attribute by `tilt`."""
    source = np.random.default_rng(seed)
    marks = np.arange(count) % 2
    rows = source.normal(size=(count, 5)) * [0.3, 3.0, 1.0, 1.0, 1.0]
    rows[:, 0] += 2.0 * marks
    rows[:, 1] += tilt * marks
    return shared(rows), marks


def axis(vector, number):
    """|cosine| of `[L, D]` with an axis that all layers share."""
    truth = np.zeros_like(vector)
    truth[:, number] = 1.0
    return float(effect_metric.cosine(vector, truth, WEIGHTS))


class TestSupervised:
    def test_the_mean_difference_is_the_difference_of_the_means(self):
        codes, marks = labelled()
        finder = MeanDifference().fit(Material(codes, WEIGHTS, labels=marks))
        gap = codes[marks == 1].mean(axis=0) - codes[marks == 0].mean(axis=0)
        assert finder.steps_[0] * finder.components_[0] == pytest.approx(gap, abs=1e-5)

    def test_a_boundary_ignores_noise_that_moves_the_means(self):
        """60 codes, a strong second axis: the means differ along it by chance, the plane is not fooled."""
        codes, marks = labelled(60, tilt=1.0)
        material = Material(codes, WEIGHTS, labels=marks)
        boundary, mean = InterFaceGAN().fit(material), MeanDifference().fit(material)
        assert axis(boundary.components_[0], 0) > 0.95
        assert axis(boundary.components_[0], 0) > axis(mean.components_[0], 0) + 0.02
        assert boundary.accuracy_ > 0.95

    def test_it_faces_the_labelled_codes(self):
        codes, marks = labelled()
        for finder in (InterFaceGAN(), MeanDifference()):
            assert axis(finder.fit(Material(codes, WEIGHTS, labels=marks)).components_[0], 0) > 0.9
            assert axis(finder.fit(Material(codes, WEIGHTS, labels=1 - marks)).components_[0], 0) < -0.9
            assert finder.steps_[0] > 0

    def test_c_is_chosen_where_it_matters(self):
        """Labels that are noise but for one axis in forty: a hard margin fits the noise."""
        gains = []
        for seed in range(4):
            source = np.random.default_rng(seed)
            rows = source.normal(size=(60, 40))
            marks = (rows[:, 0] + source.normal(size=60) > 0).astype(int)
            material = Material(shared(rows), WEIGHTS, labels=marks)
            chosen, hard = InterFaceGAN().fit(material), InterFaceGAN(candidates=[100.0]).fit(material)
            gains.append(axis(chosen.components_[0], 0) - axis(hard.components_[0], 0))
        assert np.mean(gains) > 0.02

    def test_conditional_manipulation_leaves_the_other_alone(self):
        codes, marks = labelled(tilt=3.0)
        other = np.zeros((2, 5))
        other[:, 1] = 2**-0.5
        material = Material(codes, WEIGHTS, labels=marks)
        free = InterFaceGAN(candidates=[1e-4]).fit(material).components_[0]
        held = InterFaceGAN(candidates=[1e-4], conditioned_on=[other]).fit(material).components_[0]
        assert abs(axis(free, 1)) > 0.2
        assert axis(held, 1) == pytest.approx(0.0, abs=1e-6)
        assert axis(held, 0) > axis(free, 0)

    def test_projection_in_the_effect_metric(self):
        source = np.random.default_rng(0)
        vector, *others = source.normal(size=(3, 2, 5))
        left = projected(vector, others, WEIGHTS)
        assert np.linalg.norm(left) == pytest.approx(1.0)
        for other in others:
            assert effect_metric.cosine(left, other, WEIGHTS) == pytest.approx(0.0, abs=1e-6)

    def test_nothing_left_and_wrong_shapes_are_refused(self):
        vector = np.ones((2, 5))
        with pytest.raises(FinderError) as caught:
            projected(vector, [2 * vector], WEIGHTS)
        assert caught.value.code == "finder:conditioned"
        with pytest.raises(ShapeError):
            projected(vector, [np.ones((1, 5))], WEIGHTS)

    def test_a_lone_code_of_a_kind_is_not_enough_to_validate(self):
        with pytest.raises(FinderError, match="label more pictures"):
            InterFaceGAN().fit(Material(shared(np.eye(3)), WEIGHTS, labels=[0, 0, 1]))

    def test_two_equal_means_are_nothing_to_find(self):
        rows = shared([[1.0, 0], [-1, 0], [1, 0], [-1, 0]])
        with pytest.raises(FinderError) as caught:
            MeanDifference().fit(Material(rows, WEIGHTS, labels=[0, 0, 1, 1]))
        assert caught.value.code == "finder:nothing"


class TestGanspace:
    def test_axes_by_falling_variance(self):
        rows = np.random.default_rng(0).normal(size=(3000, 4)) * [1.0, 8.0, 2.0, 4.0]
        finder = GANSpace(components=4).fit(Material(shared(rows), WEIGHTS))
        for vector, number in zip(finder.components_, (1, 3, 2, 0), strict=True):
            assert axis(vector, number) > 0.99  # and the largest entry is positive
        # a layer's share of a shared unit difference is 1/sqrt(2), so the step is sqrt(2) spreads
        assert finder.steps_ == pytest.approx(np.sqrt(2) * np.array([8, 4, 2, 1]), rel=0.05)
        assert finder.explained_ == pytest.approx(np.array([64, 16, 4, 1]) / 85, rel=0.1)

    def test_more_components_than_codes_are_refused(self):
        with pytest.raises(FinderError):
            GANSpace(components=4).fit(Material(shared(np.eye(4)), WEIGHTS))


class TestSefa:
    @staticmethod
    def material(*styles):
        codes = shared(np.random.default_rng(0).normal(size=(50, 3)))
        return Material(codes, WEIGHTS, styles=styles)

    def test_eigenvectors_of_all_layers_together(self):
        material = self.material([[0.0, 3.0, 0.0]], [[0.0, 0.0, 2.0], [1.0, 0.0, 0.0]])
        finder = SeFa(components=3, normalize=False).fit(material)
        for vector, number in zip(finder.components_, (1, 2, 0), strict=True):
            assert axis(vector, number) == pytest.approx(1.0, abs=1e-6)
        assert finder.eigenvalues_ == pytest.approx(np.array([9, 4, 1]) / 14)

    def test_a_group_looks_at_its_own_layers(self):
        material = self.material([[0.0, 3.0, 0.0]], [[0.0, 0.0, 2.0]])
        second = SeFa(components=1, layers=[1], normalize=False).fit(material)
        assert second.components_[0] == pytest.approx(np.array([[0, 0, 0], [0, 0, 1.0]]), abs=1e-6)

    def test_normalized_channels_count_alike(self):
        """One strong channel along axis 0, three weak ones along axis 1."""
        styles = ([[9.0, 0.0, 0.0]], [[0.0, 0.1, 0.0]] * 3)
        assert axis(SeFa(1, normalize=False).fit(self.material(*styles)).components_[0], 0) > 0.99
        assert axis(SeFa(1, normalize=True).fit(self.material(*styles)).components_[0], 1) > 0.99


class TestLabels:
    def test_the_clearest_cases(self):
        rows, labels = extremes([0.5, 0.9, 0.1, 0.7, 0.2, 0.4], 4)
        assert sorted(rows[~labels]) == [2, 4]
        assert sorted(rows[labels]) == [1, 3]

    def test_some_are_drawn_on_each_side(self):
        scores = np.linspace(0, 1, 1000)
        rows, labels = some(scores, 20, seed=3)
        assert (scores[rows[labels]] > 0.5).all()
        assert (scores[rows[~labels]] <= 0.5).all()
        assert labels.sum() == 10
        assert len(set(rows)) == 20
        assert np.array_equal(rows, some(scores, 20, seed=3)[0])
        assert not np.array_equal(rows, some(scores, 20, seed=4)[0])
        assert scores[rows].std() < scores[extremes(scores, 20)[0]].std()

    @pytest.mark.parametrize(
        ("scores", "count"),
        [
            ([0.1, 0.9], 4),
            ([0.1, 0.9], 1),
            ([0.1, 0.5, 0.9], 3),
            ([0.1, np.nan], 2),
            ([[0.1, 0.9]], 2),
            ([0.5] * 9, 4),
        ],
    )
    def test_what_gives_no_labels_is_refused(self, scores, count):
        for chosen in (extremes, some):
            with pytest.raises(FinderError) as caught:
                chosen(scores, count)
            assert caught.value.code == "finder:scores"


class TestOnAGenerator:
    def test_style_weights_are_what_the_synthesis_uses(self, tiny):
        """Codes moved within a layer's null space change no picture; along its strongest axis they do."""
        generator = tiny.generator
        matrices = style_matrices(tiny)
        assert [m.shape for m in matrices] == [(n, 16) for n in (24, 24, 24, 24, 16, 16, 8, 8)]
        codes = torch.from_numpy(draw_codes(tiny, 2, 0))
        with torch.no_grad():
            for layer in (4, 6, 7):
                convolution = [b.conv for b in generator.blocks]
                used = generator.blocks[-1].rgb if layer == 7 else convolution[layer // 2].conv
                style = used.affine(codes[:, layer]) - used.affine(torch.zeros(1, 16))
                assert style.numpy() == pytest.approx(codes[:, layer].numpy() @ matrices[layer].T, abs=1e-4)

    def test_a_family_without_styles_says_so(self):
        class Plain(Generator):
            family = "plain"

        with pytest.raises(FinderError, match="ganspace"):
            Plain().style_weights()

    @pytest.mark.parametrize("name", ["ganspace", "sefa"])
    def test_unsupervised_components_with_their_provenance(self, tiny, name):
        found = find_components(tiny, name, {"components": 3, "layers": [2, 3]}, samples=200, seed=4)
        assert [component.index for component in found] == [0, 1, 2]
        for component in found:
            assert (component.finder, component.samples, component.seed) == (name, 200, 4)
            assert component.options["layers"] == [2, 3]
            assert component.digest == tiny.digest
            assert component.space == "W+"
            assert strip(tiny, torch.from_numpy(draw_codes(tiny, 2, 9)), component).shape == (2, 5, 3, 32, 32)
        other = find_components(tiny, name, {"components": 3, "layers": [2, 3]}, samples=200, seed=5)
        assert any(a.step != b.step for a, b in zip(found, other, strict=True))

    def test_supervised_ones_bring_their_labels(self, tiny):
        codes = draw_codes(tiny, 60, 0)
        labels = codes[:, 0, 0] > np.median(codes[:, 0, 0])
        (found,) = find_components(tiny, "interfacegan", codes=codes, labels=labels)
        assert (found.space, found.seed, found.samples) == ("W", None, 60)
        along = (codes * found.vector).sum(axis=(1, 2))
        assert np.corrcoef(along, labels)[0, 1] > 0.5
        with pytest.raises(FinderError, match="supervised"):
            find_components(tiny, "mean-difference")
        with pytest.raises(RegistryError, match="ganspace"):
            find_components(tiny, "magic")


@pytest.mark.parametrize("ending", ["safetensors", "npz"])
class TestComponentFiles:
    def test_round_trip(self, tiny, tmp_path, ending):
        component = find_components(tiny, "sefa", {"components": 2}, samples=50)[1]
        path = tmp_path / f"c.{ending}"
        component.save(path)
        for loaded in (Component.load(path), load_direction(path)):
            assert isinstance(loaded, Component)
            for name in ("vector", "metric_weights"):
                assert np.array_equal(getattr(loaded, name), getattr(component, name))
            for name in (
                "step",
                "space",
                "digest",
                "finder",
                "index",
                "samples",
                "seed",
                "explained",
                "options",
            ):
                assert getattr(loaded, name) == getattr(component, name)

    def test_it_is_no_pairs_direction(self, tiny, tmp_path, ending):
        path = tmp_path / f"c.{ending}"
        find_components(tiny, "sefa", {"components": 1}, samples=50)[0].save(path)
        with pytest.raises(DirectionError) as caught:
            Direction.load(path)
        assert caught.value.code == "direction:kind"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"index": -1}, "direction:component"),
        ({"finder": ""}, "direction:component"),
        ({"explained": 2.0}, "direction:component"),
        ({"step": -1.0}, "direction:step"),
        ({"digest": "x"}, "direction:digest"),
    ],
)
def test_a_component_that_cannot_be_is_refused(tiny, changes, code):
    component = find_components(tiny, "ganspace", {"components": 1}, samples=50)[0]
    with pytest.raises(DirectionError) as caught:
        Component(**{**vars(component), **changes})
    assert caught.value.code == code


def test_only_what_draws_needs_torch():
    """A page that shows components, or takes a direction apart, must not load torch for it."""
    program = (
        "import sys, inference; inference.Component, inference.decompose;"
        "from inference.finders import GANSpace, InterFaceGAN, MeanDifference, SeFa;"
        "import inference.cli.finding; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
