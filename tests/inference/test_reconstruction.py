"""The rulers of reconstruction and of samples: each tells good from bad, and a whole small report."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from inference.bundle import Bundle
from inference.cli import main
from inference.errors import OptionError, ShapeError
from inference.evaluation import own_changes, picture_statistics, reconstruction
from inference.evaluation.judge_training import blurred
from inference.evaluation.judged import JUDGED
from inference.evaluation.principal import principal_components
from inference.portraits import render_many
from inference.portraits.training import losses
from inference.portraits.training.data import held_out_scenes, to_images

FEW = reconstruction.Amounts(
    people=3,
    optimised=1,
    optimised_steps=2,
    pca_pictures=8,
    pca_plus_pictures=6,
    samples=4,
    patches=4,
    projections=8,
    sample_draws=2,
    faces=2,
    stepped_faces=1,
    steps=1,
    kept_people=1,
    resamples=20,
)


@pytest.fixture(scope="module")
def drawn() -> torch.Tensor:
    return to_images(render_many(held_out_scenes(48, 920_000), 64))


# --- principal components


def test_pictures_of_a_few_dimensions_come_back_through_as_many_components() -> None:
    rng = np.random.default_rng(0)
    axes = rng.normal(0, 12, (4, 16, 16, 3))
    pictures = (128 + np.einsum("nk,khwc->nhwc", rng.normal(size=(60, 4)), axes)).clip(0, 255).round()
    learned, others = pictures[:40].astype(np.uint8), to_images(pictures[40:].astype(np.uint8))
    found = principal_components(learned, 8)
    assert torch.allclose(found.axes.T @ found.axes, torch.eye(8), atol=1e-4)
    psnr = [float(losses.psnr(found.reconstruct(others, size), others).mean()) for size in (2, 4, 8)]
    assert psnr[1] > 35
    assert psnr[0] < psnr[1] - 5  # two of four are not enough
    assert abs(psnr[2] - psnr[1]) < 3  # and there is nothing more to find


def test_components_are_the_exact_ones(drawn: torch.Tensor) -> None:
    pictures = ((drawn + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    found = principal_components(pictures, 10)
    flat = drawn.flatten(1).double()
    exact = torch.linalg.svd(flat - flat.mean(0), full_matrices=False).Vh[:10]
    assert float((found.axes.double().T @ exact.T).svd().S.min()) > 0.999


def test_more_components_than_pictures_are_refused(drawn: torch.Tensor) -> None:
    with pytest.raises(OptionError, match="components"):
        principal_components(np.zeros((5, 8, 8, 3), np.uint8), 5)


# --- detail


def test_blur_takes_detail_away_and_grain_adds_what_is_not_right(drawn: torch.Tensor) -> None:
    same = picture_statistics.detail(drawn, drawn)
    assert float(same[0].min()) == pytest.approx(1, abs=1e-6)
    assert float(same[1].min()) == pytest.approx(1, abs=1e-6)
    soft = picture_statistics.detail(blurred(drawn, 1.0), drawn)
    assert float(soft[1].max()) < 0.5
    noise = torch.randn(drawn.shape, generator=torch.Generator().manual_seed(0))
    grainy = picture_statistics.detail(drawn + 0.2 * noise, drawn)
    grainy_soft = picture_statistics.detail(blurred(drawn, 1.0) + 0.1 * noise, drawn)
    assert float(grainy[1].min()) > 1.1  # more variance than there was
    assert float(grainy[0].median()) < 0.9  # not the right one
    assert float(grainy_soft[1].median()) > float(soft[1].median())
    assert float(grainy_soft[0].median()) < float(soft[0].median())  # grain buys variance, not correlation


def test_laplacian_of_known_pictures() -> None:
    ramp = torch.linspace(-1, 1, 8).expand(1, 3, 8, 8)
    assert float(picture_statistics.laplacian(ramp).abs().max()) < 1e-6
    dot = torch.full((1, 3, 5, 5), -1.0)
    dot[:, :, 2, 2] = 1.0
    found = picture_statistics.laplacian(dot)[0]
    assert found.tolist() == [pytest.approx(row, abs=1e-6) for row in ([0, 1, 0], [1, -4, 1], [0, 1, 0])]


# --- sets of pictures


def test_pyramid_adds_up(drawn: torch.Tensor) -> None:
    levels = picture_statistics.pyramid(drawn)
    assert list(levels) == [64, 32, 16]
    finest = levels[64]
    coarse = picture_statistics.pyramid(drawn - finest)  # what is left has been blurred: little is left of it
    assert float(coarse[64].square().mean()) < 0.3 * float(finest.square().mean())
    flat = picture_statistics.pyramid(torch.full((1, 3, 32, 32), 0.25))
    assert float(flat[32].abs().max()) < 1e-6
    assert float((flat[16] - 0.25).abs().max()) < 1e-6


def test_distance_of_samples_is_real_to_real_for_real_ones_and_more_for_blurred_ones_where_they_are() -> None:
    people = to_images(render_many(held_out_scenes(192, 930_000), 64))
    a, b, c = torch.split(people, 64)
    same = picture_statistics.sample_distances(c, (a, b), per_image=48, projections=64)
    soft = picture_statistics.sample_distances(blurred(c, 1.2), (a, b), per_image=48, projections=64)
    assert all(0.5 < found["ratio"] < 2 for found in same.values())
    assert soft[64]["ratio"] > 1.8 * same[64]["ratio"]
    assert soft[16]["ratio"] < 1.3 * same[16]["ratio"]


def test_distance_sees_shape_and_neither_brightness_nor_contrast() -> None:
    """A set of skewed numbers and its mirror image differ by nothing else."""
    rng = np.random.default_rng(0)
    common, own = rng.exponential(size=(4000, 1, 1)), 0.1 * rng.normal(size=(4000, 49, 3))
    skewed = torch.from_numpy((common + own).astype(np.float32))
    near = picture_statistics.sliced_wasserstein(skewed[:2000], 3 * skewed[2000:] + 1, 32, rng)
    far = picture_statistics.sliced_wasserstein(skewed[:2000], -skewed[2000:], 32, rng)
    assert near < 0.15  # brightness and contrast are taken out first
    assert far > 3 * near
    with pytest.raises(ShapeError, match="patches"):
        picture_statistics.sliced_wasserstein(skewed[:10], skewed[:9], 4, rng)


# --- own changes and intervals


def test_share_closed_is_one_for_the_truth_and_none_for_no_change() -> None:
    none = np.array([4.0, 2.0])
    assert own_changes.share_closed(np.zeros(2), none) == 1
    assert own_changes.share_closed(none, none) == 0
    assert own_changes.share_closed(np.array([3.0, 0.0]), none) == pytest.approx(0.5)
    assert own_changes.share_closed(2 * none, none) < 0


def test_interval_is_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    found = own_changes.bootstrap(np.mean, values, resamples=800)
    assert found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * 2 / 20, rel=0.2)
    with pytest.raises(OptionError, match="rows"):
        own_changes.bootstrap(np.mean, values, values[:3])


# --- the whole


def test_a_whole_small_report() -> None:
    bundle = Bundle.load("portraits", "cpu")
    said: list[str] = []
    found = reconstruction.reconstruction_report(bundle, FEW, report=said.append)
    assert json.loads(json.dumps(found)) == found
    assert found["population"] == "reaching"
    assert set(found["pca"]) == {"W", "W+"}
    assert found["pca"]["W"]["components"] == 7  # of 8 pictures
    assert found["pca"]["W"]["gap"]["value"] > 3  # a handful of components is no match
    assert found["encoder"]["psnr"]["value"] > 26
    assert found["encoder"]["laplacian_correlation"]["value"] > 0.3
    assert 0 < found["encoder"]["laplacian_variance_ratio"]["value"] < 1
    assert set(found["samples"]["levels"]) == {"128", "64", "32", "16"}
    ratios = {size: level["ratio"]["value"] for size, level in found["samples"]["levels"].items()}
    assert ratios[str(found["samples"]["worst_level"])] == max(ratios.values())
    assert found["samples"]["worst"]["low"] <= max(ratios.values()) <= found["samples"]["worst"]["high"]
    assert 24 < found["correlated"]["psnr"]["value"] < 32
    for part in ("encoder", "inverted"):
        assert set(found["closed"][part]["each"]) == set(JUDGED)
        worst = found["closed"][part]["worst_attribute"]
        values = {name: each["value"] for name, each in found["closed"][part]["each"].items()}
        assert values[worst] == min(values.values()) == found["closed"][part]["worst"]["value"]
    assert found["closed"]["encoder"]["each"]["hat"]["value"] > 0.8
    share = found["null_floor"]["share"]
    assert 0 < share["low"] <= share["value"] <= share["high"] < 0.5
    assert found["kept"]["worst_attribute"] == "freckles"
    assert said


def test_a_face_whose_change_is_not_reconstructed_closes_nothing() -> None:
    """The twin: the inversion of the changed picture comes back without the change."""
    bundle = Bundle.load("portraits", "cpu")
    right = own_changes.inverted_faces(bundle, "hat", 3, 0)
    wrong = replace(right, own=replace(right.own, images=right.base.images))
    assert own_changes.closed({"hat": right}, resamples=10)["mean"]["value"] > 0.8
    assert own_changes.closed({"hat": wrong}, resamples=10)["mean"]["value"] < 0.2


def test_bad_amounts_and_populations_are_told(tiny: Bundle) -> None:
    with pytest.raises(OptionError, match="people=1"):
        reconstruction.reconstruction_report(tiny, replace(FEW, people=1))
    with pytest.raises(OptionError, match="no more optimised than people"):
        reconstruction.reconstruction_report(tiny, replace(FEW, optimised=9))
    with pytest.raises(OptionError, match="no recipe makes"):
        reconstruction.reconstruction_report(tiny, FEW)
    with pytest.raises(OptionError, match="martian"):
        reconstruction.reconstruction_report(tiny, FEW, population="martian")


def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate-reconstruction", "--people", "0"]) == 2
    assert "people=0" in capsys.readouterr().err
