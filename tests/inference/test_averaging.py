from __future__ import annotations

import numpy as np
import pytest

from inference import effect_metric
from inference.averaging import CommunityDirection, average, load_direction
from inference.averaging.estimators import AVERAGERS
from inference.errors import AveragingError, DirectionError, RegistryError, ShapeError

WEIGHTS = np.array([4.0, 1.0, 0.25])


def cloud(n, *, spread=0.4, seed=0):
    """Rows `[n, 3, 5]` around one direction, of effect lengths 1 to 3."""
    source = np.random.default_rng(seed)
    centre = source.normal(size=(3, 5))
    rows = effect_metric.unit(centre + spread * source.normal(size=(n, 3, 5)), WEIGHTS)
    return rows * np.linspace(1, 3, n)[:, None, None]


@pytest.mark.parametrize("name", AVERAGERS.names())
class TestEveryAverager:
    """The contract: whatever is registered passes this."""

    def test_constructor_only_stores(self, name):
        assert not [key for key in vars(AVERAGERS.get(name)()) if key.endswith("_")]

    def test_fit_returns_self_and_learns_a_unit(self, name):
        estimator = AVERAGERS.get(name)()
        assert estimator.fit(cloud(6), WEIGHTS) is estimator
        assert float(effect_metric.norm(estimator.direction_, WEIGHTS)) == pytest.approx(1.0)
        assert 0 < estimator.resultant_length_ <= 1

    def test_order_does_not_show_in_a_single_bit(self, name):
        rows = cloud(17)
        fitted = AVERAGERS.get(name)().fit(rows, WEIGHTS)
        for seed in range(5):
            shuffled = rows[np.random.default_rng(seed).permutation(17)]
            again = AVERAGERS.get(name)().fit(shuffled, WEIGHTS)
            assert np.array_equal(fitted.direction_, again.direction_)
            assert fitted.resultant_length_ == again.resultant_length_

    def test_shares_follow_their_rows(self, name):
        rows = cloud(6)
        shares = AVERAGERS.get(name)().fit(rows, WEIGHTS).shares_
        assert shares.sum() == pytest.approx(1.0)
        back = AVERAGERS.get(name)().fit(rows[::-1], WEIGHTS).shares_
        assert np.array_equal(shares[::-1], back)

    def test_one_row_gives_itself(self, name):
        rows = cloud(1)
        estimator = AVERAGERS.get(name)().fit(rows, WEIGHTS)
        assert estimator.direction_ == pytest.approx(effect_metric.unit(rows, WEIGHTS)[0], abs=1e-9)
        assert estimator.resultant_length_ == pytest.approx(1.0)

    def test_equal_rows_give_themselves(self, name):
        rows = np.repeat(cloud(1), 4, axis=0)
        fitted = AVERAGERS.get(name)().fit(rows, WEIGHTS)
        assert fitted.direction_ == pytest.approx(effect_metric.unit(rows, WEIGHTS)[0], abs=1e-9)
        assert fitted.typical(np.full(4, 2.5), np.ones(4)) == pytest.approx(2.5)

    def test_leaving_each_out_is_fitting_without_it(self, name):
        rows = cloud(6)
        left_out = AVERAGERS.get(name)().leaving_each_out(rows, WEIGHTS)
        for row in range(6):
            alone = AVERAGERS.get(name)().fit(np.delete(rows, row, axis=0), WEIGHTS)
            assert left_out[row] == pytest.approx(alone.direction_, abs=1e-9)

    def test_a_single_row_leaves_nobody(self, name):
        assert not AVERAGERS.get(name)().leaving_each_out(cloud(1), WEIGHTS).any()

    def test_one_wild_row_does_not_decide(self, name):
        rows = np.repeat(cloud(1), 9, axis=0)
        wild = 1000 * effect_metric.unit(np.random.default_rng(4).normal(size=(1, 3, 5)), WEIGHTS)
        fitted = AVERAGERS.get(name)().fit(np.concatenate([rows, wild]), WEIGHTS)
        assert effect_metric.cosine(fitted.direction_, rows[0], WEIGHTS) > 0.95
        strengths = np.array([1.0] * 9 + [1000.0])
        assert fitted.typical(strengths, strengths) < 1.5

    def test_rows_that_cancel_out_are_refused(self, name):
        rows = cloud(1)
        with pytest.raises(AveragingError) as caught:
            AVERAGERS.get(name)().fit(np.concatenate([rows, -rows]), WEIGHTS)
        assert caught.value.code == "averaging:opposed"

    @pytest.mark.parametrize(
        "rows", [np.zeros((0, 3, 5)), np.ones((2, 15)), np.full((2, 3, 5), np.nan), 0 * cloud(2)]
    )
    def test_wrong_rows_are_refused(self, name, rows):
        with pytest.raises(ShapeError) as caught:
            AVERAGERS.get(name)().fit(rows, WEIGHTS)
        assert caught.value.code == "shape:differences"


def test_an_outlier_pulls_the_geometric_median_less_than_the_mean():
    rows = cloud(6, spread=0.1)
    wrong = np.concatenate([rows, -rows[:2]])
    truth = AVERAGERS.get("mean")().fit(rows, WEIGHTS).direction_
    cosines = {
        name: float(
            effect_metric.cosine(AVERAGERS.get(name)().fit(wrong, WEIGHTS).direction_, truth, WEIGHTS)
        )
        for name in ("mean", "geometric-median")
    }
    assert cosines["geometric-median"] > cosines["mean"]


def test_strong_rows_count_more_in_the_clipped_mean_up_to_twice_the_median():
    across, along = np.zeros((2, 3, 5))
    across[0, 0] = along[0, 1] = 0.5  # effect length 1
    rows = np.stack([across, across, along, along, along])
    fitted = AVERAGERS.get("clipped-mean")()
    for longest, share in [(1.5, 1.5), (2.0, 2.0), (50.0, 2.0)]:
        rows[0] = longest * across
        assert fitted.fit(rows, WEIGHTS).direction_ == pytest.approx(
            effect_metric.unit((share + 1) * across + 3 * along, WEIGHTS), abs=1e-9
        )
    # the third is shortened to 2, and has two votes
    assert fitted.typical(np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 8.0])) == pytest.approx(5 / 4)


def test_unknown_averager():
    with pytest.raises(RegistryError, match="geometric-median"):
        AVERAGERS.get("mode")


def test_R_and_rho_are_what_the_pairwise_cosines_say(direction_of):
    centre = np.random.default_rng(9).normal(size=(8, 16))
    members = [direction_of(centre + np.random.default_rng(seed).normal(size=(8, 16))) for seed in range(7)]
    community = average(members)
    weights = members[0].metric_weights
    pairwise = [
        float(effect_metric.cosine(a.vector, b.vector, weights))
        for i, a in enumerate(members)
        for b in members[:i]
    ]
    assert community.rho == pytest.approx(np.mean(pairwise), abs=1e-6)
    units = effect_metric.unit(np.stack([m.vector for m in members]), weights)
    assert pytest.approx(float(effect_metric.norm(units.mean(axis=0), weights)), abs=1e-9) == community.R
    assert community.rho == pytest.approx((7 * community.R**2 - 1) / 6)
    assert np.linalg.norm(community.vector) == pytest.approx(1.0, abs=1e-6)


def test_the_steps_of_plain_averages_are_median_projections_on_the_others(direction_of):
    """By hand, with uniform weights, where the effect metric is the plain dot product."""
    members = [
        direction_of(
            3.0 + np.random.default_rng(seed).normal(size=(8, 16)), metric_weights=np.ones(8, np.float32)
        )
        for seed in range(5)
    ]
    projections = []
    for i, member in enumerate(members):
        mean = np.mean([m.vector for j, m in enumerate(members) if j != i], axis=0)
        projections.append(float((member.difference * mean / np.linalg.norm(mean)).sum()))
    assert average(members, method="mean").step == pytest.approx(np.median(projections), rel=1e-5)
    assert average(members).step == pytest.approx(np.mean(projections), rel=0.05)  # nearly equal strengths


def test_step_gives_back_the_change_under_noise_in_layers_that_do_nothing(direction_of):
    """The plain projection would lose most of the step to layers that do not change the picture."""
    weights = np.array([1.0] * 4 + [1e-6] * 4, dtype=np.float32)
    signal = np.zeros((8, 16))
    signal[:4] = 1.0
    members = []
    for seed in range(6):
        noise = np.zeros((8, 16))
        noise[4:] = 4 * np.random.default_rng(seed).normal(size=(4, 16))
        members.append(direction_of(signal + noise, metric_weights=weights))
    community = average(members)
    moved = community.step * community.vector[:4]
    assert moved.mean() == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(
    ("shares", "kept"),
    [
        ((0.81, 0.81, 0.81), 0.81),
        ((0.2, 0.64, 1.3), 0.64),  # the median member's
        ((0.05, 0.1, -0.5), 1 / 3),  # hardly shown: what is left would be chance
        ((1.2, 1.1, 1.0), 1.0),  # never shortened
        ((None, 0.49, None), 0.49),  # a change too faint for a region says nothing
        ((None, float("nan"), "much"), 1.0),
    ],
)
def test_a_step_makes_up_for_half_of_what_inversions_lose(direction_of, shares, kept):
    plain = average([direction_of(seed=s) for s in range(3)])
    members = [direction_of(seed=s, quality={"change_kept": share}) for s, share in enumerate(shares)]
    longer = average(members)
    assert longer.step == pytest.approx(plain.step / kept**0.5)
    assert np.array_equal(longer.vector, plain.vector)
    assert longer.step == average(members[::-1]).step
    one = direction_of(seed=0, quality={"change_kept": 0.64})
    assert average([one]).step == pytest.approx(one.step / 0.8)


def test_three_members_are_needed_for_an_agreement(direction_of):
    assert average([direction_of(seed=0)]).rho is None
    assert pytest.approx(1.0) == average([direction_of(seed=0)]).R
    assert average([direction_of(seed=0)]).step == pytest.approx(direction_of(seed=0).step)
    assert average([direction_of(seed=0), direction_of(seed=1)]).rho is None
    assert average([direction_of(seed=s) for s in range(3)]).rho is not None


def test_strangers_do_not_agree(direction_of):
    community = average([direction_of(seed=s) for s in range(12)])
    assert abs(community.rho) < 0.1
    assert community.R > 0.2  # R alone would look like something


def test_order_of_members_does_not_matter(direction_of):
    members = [direction_of(seed=s) for s in range(9)]
    first, second = average(members), average(members[::-1])
    assert np.array_equal(first.vector, second.vector)
    assert (first.R, first.rho, first.step) == (second.R, second.rho, second.step)
    assert first.member_cosines == second.member_cosines[::-1]


def test_a_mislabelled_member_stands_out(direction_of):
    centre = np.random.default_rng(9).normal(size=(8, 16))
    members = [
        direction_of(centre + 0.3 * np.random.default_rng(seed).normal(size=(8, 16))) for seed in range(6)
    ]
    community = average([*members, direction_of(seed=99)])
    assert min(community.member_cosines[:6]) > 0.7
    assert community.member_cosines[6] < 0.3


def test_others_that_cancel_out_project_to_nothing(direction_of):
    there = direction_of(seed=0)
    back = direction_of(-there.difference)
    community = average([there, back, direction_of(seed=1)])
    assert community.member_cosines[2] == 0.0


def test_what_cannot_be_averaged_is_refused(direction_of):
    one = direction_of(seed=0)
    still = direction_of(vector=np.zeros((8, 16), np.float32), step=0.0)
    shared = direction_of(seed=1, space="W")
    for members, code in [
        ([], "averaging:none"),
        ([one, direction_of(seed=1, digest="0" * 64)], "averaging:generator"),
        ([one, shared], "averaging:space"),
        ([one, still], "averaging:still"),
        ([one, direction_of(-one.difference)], "averaging:opposed"),
    ]:
        with pytest.raises(AveragingError) as caught:
            average(members)
        assert caught.value.code == code


@pytest.mark.parametrize("ending", ["safetensors", "npz"])
def test_saves_and_loads(direction_of, tmp_path, ending):
    community = average([direction_of(seed=s) for s in range(4)], method="geometric-median")
    community.save(tmp_path / f"c.{ending}")
    for loaded in (
        CommunityDirection.load(tmp_path / f"c.{ending}"),
        load_direction(tmp_path / f"c.{ending}"),
    ):
        assert isinstance(loaded, CommunityDirection)
        assert np.array_equal(loaded.vector, community.vector)
        assert np.array_equal(loaded.metric_weights, community.metric_weights)
        for name in ("step", "R", "rho", "n", "digest", "space", "method", "member_cosines", "member_shares"):
            assert getattr(loaded, name) == getattr(community, name)


def test_a_pair_direction_is_no_community_direction(direction_of, tmp_path):
    direction_of().save(tmp_path / "d.npz")
    with pytest.raises(DirectionError) as caught:
        CommunityDirection.load(tmp_path / "d.npz")
    assert caught.value.code == "direction:kind"
