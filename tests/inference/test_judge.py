"""The judge: what it reads, what is known about its readings, and its training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.cli import main
from inference.errors import BundleError, ShapeError
from inference.evaluation import judge_training
from inference.evaluation.judge import HOME, Judge, JudgeNet
from inference.evaluation.judge_training import Options, Trainer
from inference.evaluation.judged import JUDGED
from inference.portraits import SCENE_NAMES, render_many
from inference.portraits.training.data import held_out_scenes, to_images

FEW = 48


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load()


@pytest.fixture(scope="module")
def people() -> tuple[torch.Tensor, torch.Tensor]:
    """Scenes [48, 38] and pictures of held-out people whom the judge's own figures were not taken from."""
    scenes = held_out_scenes(FEW, 780_000)
    return torch.from_numpy(scenes), to_images(render_many(scenes))


def test_the_stored_figures_are_those_of_the_stored_weights(
    judge: Judge, people: tuple[torch.Tensor, torch.Tensor]
) -> None:
    true, images = people
    read = judge(images)
    assert read.shape == (FEW, len(SCENE_NAMES))
    stated = (1 - judge.r2) * true.var(0)  # mean squared error that R2 amounts to
    ratio = ((read - true).square().mean(0) / stated).median()
    assert 0.6 < ratio < 1.6
    assert 0.8 < (read.std(0) / judge.sigma).median() < 1.25
    # the twin: readings of other people are far from the stated errors
    assert ((read.roll(1, 0) - true).square().mean(0) / stated).median() > 1.6


def test_it_was_measured_on_enough_balanced_people(judge: Judge) -> None:
    assert judge.facts["population"] == "balanced"
    assert judge.facts["measured_on"] >= 2000
    assert (HOME / "judge.safetensors").stat().st_size <= 2_000_000
    assert set(JUDGED) < set(SCENE_NAMES)
    assert len(JUDGED) == 14


def test_it_reads_the_fourteen_well_enough_to_judge(judge: Judge) -> None:
    r2 = {name: float(judge.r2[SCENE_NAMES.index(name)]) for name in JUDGED}
    assert np.mean(list(r2.values())) >= 0.95
    assert min(r2.values()) >= 0.85, min(r2, key=lambda name: r2[name])


def test_no_loss_can_be_made_of_it(judge: Judge) -> None:
    images = torch.zeros(1, 3, 128, 128, requires_grad=True)
    assert not judge(images).requires_grad


@pytest.mark.parametrize(
    "images",
    [torch.zeros(3, 128, 128), torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 128, 128, dtype=torch.uint8)],
)
def test_other_pictures_are_refused(judge: Judge, images: torch.Tensor) -> None:
    with pytest.raises(ShapeError) as refused:
        judge(images)
    assert refused.value.code == "shape:images"


def test_a_damaged_judge_is_refused(tmp_path: Path) -> None:
    shutil.copytree(HOME, tmp_path / "judge")
    assert torch.equal(Judge.load(tmp_path / "judge").sigma, Judge.load().sigma)
    weights = tmp_path / "judge" / "judge.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(BundleError, match="other weights") as refused:
        Judge.load(tmp_path / "judge")
    assert refused.value.code == "bundle:judge"
    weights.unlink()
    with pytest.raises(BundleError, match="FileNotFoundError"):
        Judge.load(tmp_path / "judge")
    (tmp_path / "judge" / "judge.json").write_text(json.dumps({"format": 1}))
    with pytest.raises(BundleError, match="train-judge"):
        Judge.load(tmp_path / "judge")


# --- training ---


def prepared(work: Path) -> Options:
    """A folder in which 32 pictures are drawn already."""
    options = Options(work, images=128, pictures=32)
    cache = judge_training._cache(options)
    cache.pictures[:] = render_many(cache.scenes)
    cache.flags[:] = 1
    return options


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = Trainer(prepared(tmp_path / "whole"))
    whole.train()
    options = prepared(tmp_path / "parts")
    options.images = 64
    first = Trainer(options)
    first.train()
    options.images = 128
    second = Trainer(options)
    assert second.step == 2
    second.train()
    for a, b in zip(whole.average.parameters(), second.average.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not all(
        torch.equal(a, b)
        for a, b in zip(first.average.parameters(), second.average.parameters(), strict=True)
    )


def test_the_command_measures_and_writes_what_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared(tmp_path)
    arguments = ["train-judge", "--work", str(tmp_path), "-o", str(tmp_path / "made"), "--pictures", "32"]
    assert main([*arguments, "--images", "64", "--people", "8"]) == 0
    assert "R2 of the judged: mean" in capsys.readouterr().out
    made = Judge.load(tmp_path / "made")
    assert made.facts["training_images"] == 64
    assert made.facts["measured_on"] == 8
    assert main([*arguments, "--images", "0"]) == 2


def test_r2_is_one_for_the_truth_none_for_the_mean_and_less_for_worse() -> None:
    true = torch.tensor([[0.0], [1.0], [2.0]])
    assert judge_training.explained(true, true).item() == 1
    assert judge_training.explained(true, torch.ones(3, 1)).item() == 0
    assert judge_training.explained(true, true.flip(0)).item() == -3


def test_worn_pictures_are_disturbed_alike_for_alike_seeds() -> None:
    pictures = render_many(held_out_scenes(16, 790_000))
    one, again = (judge_training.worn(pictures, np.random.default_rng(3)) for _ in range(2))
    other = judge_training.worn(pictures, np.random.default_rng(4))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    error = (one - to_images(pictures)).square().mean((1, 2, 3)).sqrt()
    assert error.min() > 0.001
    assert error.max() < 0.4


def test_blur_spreads_a_dot_as_a_gaussian() -> None:
    dot = torch.zeros(1, 3, 15, 15)
    dot[..., 7, 7] = 1
    soft = judge_training.blurred(dot, 0.8)[0, 0]
    assert soft.sum() == pytest.approx(1, abs=1e-5)
    distance = torch.arange(15.0) - 7
    assert (soft.sum(0) * distance.square()).sum() == pytest.approx(0.64, rel=0.05)


def test_the_rate_is_level_then_falls_to_nothing() -> None:
    rates = [judge_training.pace(step, 1000) for step in range(1000)]
    assert rates[0] < 0.02
    assert rates[100:750] == [1.0] * 650
    assert rates[875] == pytest.approx(0.5)
    assert rates[-1] < 0.01


def test_an_untrained_network_starts_at_the_population(tmp_path: Path) -> None:
    trainer = Trainer(Options(tmp_path))
    k = SCENE_NAMES.index("hat")
    assert trainer.network.mean[k] == pytest.approx(0.28 * 0.7, abs=0.01)
    assert JudgeNet()(torch.zeros(2, 3, 128, 128)).shape == (2, 38)
