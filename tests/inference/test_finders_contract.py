"""The contract: whatever is registered as a finder passes this, on codes where the truth is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from inference import effect_metric
from inference.errors import FinderError, RegistryError, ShapeError
from inference.finders import FINDERS, Material
from inference.finders.discovery import as_components

LAYERS, WIDTH = 3, 6
WEIGHTS = np.array([4.0, 1.0, 0.25])
LAYERED = [name for name in FINDERS.names() if hasattr(FINDERS.get(name)(), "layers")]
SPACED = [name for name in FINDERS.names() if hasattr(FINDERS.get(name)(), "space")]
NEEDY = [name for name in FINDERS.names() if FINDERS.get(name).needs]


def make(name, count=40, *, seed=0, order=None, labels=True, styles=True):
    """Material that has what the finder needs; a pair has one code of each kind."""
    count = 2 if name == "pair" else count
    source = np.random.default_rng(seed)
    marks = np.arange(count) % 2
    codes = source.normal(size=(count, LAYERS, WIDTH)) + 2 * marks[:, None, None] * np.eye(WIDTH)[0]
    matrices = [source.normal(size=(5, WIDTH)) for _ in range(LAYERS)]
    order = np.arange(count) if order is None else order
    return Material(
        codes[order],
        WEIGHTS,
        labels=marks[order] if labels else None,
        styles=matrices if styles else None,
    )


def build(name, **options):
    finder = FINDERS.get(name)
    return finder(components=4, **options) if hasattr(finder(), "components") else finder(**options)


@pytest.mark.parametrize("name", FINDERS.names())
class TestEveryFinder:
    def test_constructor_only_stores(self, name):
        finder = FINDERS.get(name)()
        assert not [key for key in vars(finder) if key.endswith("_")]
        assert finder.needs <= {"labels", "styles"}

    def test_fit_returns_self_and_learns_unit_components(self, name):
        finder = build(name)
        assert finder.fit(make(name)) is finder
        count = 1 if "labels" in finder.needs else 4
        assert finder.components_.shape == (count, LAYERS, WIDTH)
        assert finder.components_.dtype == np.float32
        assert np.linalg.norm(finder.components_, axis=(1, 2)) == pytest.approx(np.ones(count), abs=1e-5)

    def test_steps_are_positive_and_shares_of_variance_are_shares(self, name):
        finder = build(name).fit(make(name))
        assert finder.steps_.shape == finder.explained_.shape == (len(finder.components_),)
        assert (finder.steps_ > 0).all()
        assert (finder.explained_ > 0).all()
        assert (finder.explained_ <= 1 + 1e-9).all()

    def test_the_same_again_to_the_last_bit(self, name):
        first, second = (build(name).fit(make(name)) for _ in range(2))
        assert np.array_equal(first.components_, second.components_)
        assert np.array_equal(first.steps_, second.steps_)

    def test_order_of_the_codes_does_not_show_in_a_single_bit(self, name):
        fitted = build(name).fit(make(name))
        for seed in range(3):
            order = np.random.default_rng(seed).permutation(2 if name == "pair" else 40)
            again = build(name).fit(make(name, order=order))
            assert np.array_equal(fitted.components_, again.components_)
            assert np.array_equal(fitted.steps_, again.steps_)
            assert np.array_equal(fitted.explained_, again.explained_)

    def test_units_of_the_codes_are_units_of_the_step(self, name):
        material = make(name)
        scaled = Material(
            10 * material.codes, WEIGHTS, labels=material.known_labels, styles=material.known_styles
        )
        once, tenfold = build(name).fit(material), build(name).fit(scaled)
        assert tenfold.components_ == pytest.approx(once.components_, abs=1e-5)
        assert tenfold.steps_ == pytest.approx(10 * once.steps_)

    def test_what_is_learned_becomes_files_with_plain_options(self, name):
        material = make(name)
        found = as_components(build(name).fit(material), name, material, "0" * 64)
        assert [component.index for component in found] == list(range(len(found)))
        for component in found:
            assert component.finder == name
            assert json.loads(json.dumps(component.options)) == component.options

    def test_options_that_do_not_exist_are_refused(self, name):
        with pytest.raises(RegistryError):
            FINDERS.build(name, {"colour": "red"})


@pytest.mark.parametrize("name", NEEDY)
def test_what_is_missing_is_named(name):
    lacking = make(name, labels=False, styles=False)
    with pytest.raises(FinderError) as caught:
        build(name).fit(lacking)
    assert caught.value.code == f"finder:{next(iter(FINDERS.get(name).needs))}"


@pytest.mark.parametrize("name", SPACED)
class TestSpaces:
    def test_in_w_all_layers_share_one_difference(self, name):
        vector = build(name, space="W").fit(make(name)).components_[0]
        assert np.ptp(vector, axis=0).max() == 0

    def test_in_w_plus_each_has_its_own(self, name):
        vector = build(name, space="W+").fit(make(name)).components_[0]
        assert np.ptp(vector, axis=0).max() > 0.01

    def test_others_are_refused(self, name):
        with pytest.raises(FinderError) as caught:
            build(name, space="S").fit(make(name))
        assert caught.value.code == "finder:space"


@pytest.mark.parametrize("name", LAYERED)
class TestLayers:
    def test_an_edit_leaves_the_other_layers_alone(self, name):
        vectors = build(name, layers=[2, 0]).fit(make(name)).components_
        assert (vectors[:, 1] == 0).all()
        assert np.array_equal(vectors[:, 0], vectors[:, 2])
        assert np.linalg.norm(vectors, axis=(1, 2)) == pytest.approx(np.ones(4), abs=1e-5)

    @pytest.mark.parametrize("layers", [[], [3], [-1]])
    def test_layers_that_do_not_exist_are_refused(self, name, layers):
        with pytest.raises(FinderError) as caught:
            build(name, layers=layers).fit(make(name))
        assert caught.value.code == "finder:layers"

    @pytest.mark.parametrize("count", [0, -1, WIDTH + 1, 2.0, True])
    def test_counts_that_cannot_be_are_refused(self, name, count):
        with pytest.raises(FinderError) as caught:
            FINDERS.get(name)(components=count).fit(make(name))
        assert caught.value.code == "finder:components"

    def test_the_first_of_many_are_the_few(self, name):
        many = FINDERS.get(name)(components=5).fit(make(name))
        few = FINDERS.get(name)(components=2).fit(make(name))
        assert np.array_equal(many.components_[:2], few.components_)


class TestMaterial:
    @pytest.mark.parametrize(
        "codes", [np.zeros((1, 3, 6)), np.zeros((4, 18)), np.full((4, 3, 6), np.nan), np.zeros((4, 0, 6))]
    )
    def test_wrong_codes_are_refused(self, codes):
        with pytest.raises(ShapeError) as caught:
            Material(codes, WEIGHTS)
        assert caught.value.code == "shape:codes"

    @pytest.mark.parametrize(
        "labels", [[0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1], [0.2, 0.7, 0.1, 0.9], [[0, 1, 0, 1]]]
    )
    def test_wrong_labels_are_refused(self, labels):
        with pytest.raises(FinderError) as caught:
            Material(np.zeros((4, 3, 6)), WEIGHTS, labels=labels)
        assert caught.value.code == "finder:labels"

    @pytest.mark.parametrize(
        "styles", [[], [np.ones((5, 6))] * 2, [np.ones((5, 7))] * 3, [np.full((5, 6), np.inf)] * 3]
    )
    def test_wrong_styles_are_refused(self, styles):
        with pytest.raises(ShapeError) as caught:
            Material(np.zeros((4, 3, 6)), WEIGHTS, styles=styles)
        assert caught.value.code == "shape:styles"

    def test_labels_stay_with_their_codes(self):
        codes = np.random.default_rng(0).normal(size=(20, 3, 6))
        material = Material(codes, WEIGHTS, labels=codes[:, 0, 0] > 0)
        assert np.array_equal(material.labels, material.codes[:, 0, 0] > 0)

    def test_features_keep_the_effect_metric(self):
        material = make("ganspace")
        rows = material.features("W+")
        difference = material.codes[0] - material.codes[1]
        assert np.linalg.norm(rows[0] - rows[1]) == pytest.approx(effect_metric.norm(difference, WEIGHTS))
        assert material.from_features(rows[:1], "W+")[0] == pytest.approx(
            material.codes[0] / np.linalg.norm(material.codes[0]), abs=1e-6
        )

    def test_a_step_is_the_spread_along_the_component(self):
        vector = np.zeros((1, 3, 6))
        vector[0, 1, 2] = 1.0
        material = make("ganspace")
        assert material.spreads(vector) == pytest.approx([material.codes[:, 1, 2].std()])
        variance = material.codes.var(axis=0) * WEIGHTS[:, None]
        assert material.explained(vector) == pytest.approx([variance[1, 2] / variance.sum()])

    def test_a_gap_is_the_distance_of_the_means(self):
        material = make("mean-difference")
        vector = np.zeros((1, 3, 6))
        vector[0, :, 0] = 3**-0.5
        marks, rows = material.labels, np.average(material.codes[:, :, 0], axis=1, weights=WEIGHTS)
        gap = rows[marks].mean() - rows[~marks].mean()
        assert material.gaps(vector) == pytest.approx([gap * 3**0.5])

    def test_layers_without_any_effect_have_no_step(self):
        vector = np.zeros((1, 3, 6))
        vector[0, 2] = 6**-0.5
        codes = np.random.default_rng(0).normal(size=(9, 3, 6))
        with pytest.raises(FinderError) as caught:
            Material(codes, [1.0, 1.0, 0.0]).spreads(vector)
        assert caught.value.code == "finder:layers"
