"""Training of the drawn world, at toy size: it learns, resumes, keeps held-out people apart, and measures."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.bundle import Bundle
from inference.encoders import InDomainEncoder
from inference.errors import OptionError
from inference.generators import StyleGAN2Generator
from inference.perceptual import Perceptual
from inference.portraits import SCENE_SIZE, render_many, render_scene
from inference.portraits.training import adversary, calibrate, command, data, label_free, losses, trainer
from inference.portraits.training.known_codes import KnownCodes
from inference.portraits.training.label_free import LabelFree
from inference.portraits.training.recipe import Networks, Recipe, Stage

SIZE = 16


WIDTHS = {"8": 12, "4": 16}


def toy_generator(z_dim: int, code_dim: int) -> StyleGAN2Generator:
    return StyleGAN2Generator(
        resolution=SIZE,
        widths={"4": 16, "8": 16, "16": 12},
        z_dim=z_dim,
        code_dim=code_dim,
        mapping_layers=2,
        mapping_lr_multiplier=1.0,
        normalize_z=False,
        linear_skip=True,
    )


def toy_encoder(code_dim: int, per_layer: bool) -> InDomainEncoder:
    return InDomainEncoder(
        resolution=SIZE, widths=WIDTHS, num_layers=6, code_dim=code_dim, hidden=32, per_layer=per_layer
    )


class ToyKnownCodes(KnownCodes):
    """On 16 px pictures with networks of a few thousand weights, a second or two a stage."""

    stages = (
        Stage("perceptual", 0.1, 8, 3e-3, SIZE, ("perceptual",)),
        Stage("generator-32", 0.3, 8, 2e-2, 8),
        Stage("encoder", 0.2, 8, 3e-3, SIZE, ("encoder",)),
        Stage("generator-128", 0.2, 8, 1e-2, SIZE),
        Stage("joint", 0.2, 8, 3e-3, SIZE, ("generator", "encoder"), encoder_pace=0.25),
    )
    again = ("joint",)

    def networks(self) -> Networks:
        perceptual = Perceptual(resolution=SIZE, widths=WIDTHS, outputs=SCENE_SIZE)
        return Networks(
            toy_generator(SCENE_SIZE, 24), toy_encoder(24, True), perceptual, adversary.Critic(SIZE)
        )


class ToyLabelFree(LabelFree):
    stages = (
        Stage("patches", 0.1, 8, 3e-3, SIZE, ("perceptual",)),
        Stage("auto-32", 0.4, 8, 1e-2, 8, ("generator", "encoder"), encoder_pace=0.3),
        Stage("auto-128", 0.5, 8, 5e-3, SIZE, ("generator", "encoder"), encoder_pace=0.3),
    )
    again = ("auto-128",)

    def networks(self) -> Networks:
        perceptual = Perceptual(net="patches", resolution=SIZE, widths=WIDTHS)
        return Networks(
            toy_generator(label_free.CODE_DIM, label_free.CODE_DIM),
            toy_encoder(label_free.CODE_DIM, False),
            perceptual,
            label_free.Helpers(WIDTHS, SIZE),
        )


KNOWN, FREE = ToyKnownCodes(), ToyLabelFree()


def options(work: Path, seconds: float) -> trainer.Options:
    return trainer.Options(work=work, minutes=seconds / 60, pictures=64)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing processes lower their own priority for good; the test process must not."""
    monkeypatch.setattr(data.os, "nice", lambda by: by)


def drawn(work: Path, recipe: Recipe = KNOWN) -> None:
    data.PictureCache(work, 64, 0, SIZE, recipe.sampler).fill(0, 1)


def a_bundle(networks: Networks, metadata: dict[str, object], folder: Path) -> Path:
    Bundle(
        name="toy",
        generator=networks.generator,
        encoder=networks.encoder,
        perceptual=networks.perceptual,
        metric_weights=torch.ones(networks.generator.num_layers),
        thresholds={"null_floor": 0.1, "unrelated": 1.0, "out_of_domain": 1.0},
        metadata=metadata,
    ).save(folder)
    return folder


def log(work: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (work / "log.jsonl").read_text().splitlines()]


def test_a_whole_run_learns_and_leaves_a_checkpoint(tmp_path: Path) -> None:
    drawn(tmp_path)
    run = trainer.Trainer(KNOWN, options(tmp_path, 12), 0, 1)
    run.run()
    ends = [line for line in log(tmp_path) if str(line.get("validation", "")).startswith("end of")]
    assert [line["validation"] for line in ends] == [f"end of {stage.name}" for stage in KNOWN.stages]
    for row in ("known", "encoder"):
        first, last = (float(str(line[f"held_out_psnr_{row}"])) for line in (ends[0], ends[-1]))
        assert last > first + 1.0  # decibels, on people that were never trained on
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert state["position"]["stage"] == len(KNOWN.stages)
    assert len(list(tmp_path.glob("sheet-*.png"))) == len(KNOWN.stages)


def test_a_run_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    drawn(tmp_path)
    run = trainer.Trainer(KNOWN, options(tmp_path, 2), 0, 1)
    run.run()
    finished = trainer.Trainer(KNOWN, options(tmp_path, 2), 0, 1)
    finished.run()  # nothing left to do
    assert finished.position == run.position
    position = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    position["position"] |= {"stage": 3, "progress": 0.5}
    torch.save(position, tmp_path / "checkpoint.pt")
    already = len(log(tmp_path))
    again = trainer.Trainer(KNOWN, options(tmp_path, 2), 0, 1)
    again.run()
    assert again.position.stage == len(KNOWN.stages)
    assert again.position.step > run.position.step
    stages = {str(line["validation"]) for line in log(tmp_path)[already:] if "validation" in line}
    assert stages == {"end of generator-128", "end of joint"}


def test_a_finished_run_goes_on_with_its_last_stages_from_the_averaged_weights(tmp_path: Path) -> None:
    drawn(tmp_path)
    whole = trainer.Trainer(KNOWN, options(tmp_path, 2), 0, 1)
    whole.run()
    more = replace(options(tmp_path, 1), again=True)
    again = trainer.Trainer(KNOWN, more, 0, 1)
    again._resume()
    assert KNOWN.stages[again.position.stage].name == "joint"
    for ours, averaged in zip(
        again.networks.encoder.parameters(), whole.average.encoder.parameters(), strict=True
    ):
        assert torch.equal(ours, averaged)
    assert again._seconds(KNOWN.stages[-1]) == pytest.approx(1.0)  # all the time is theirs
    already = len(log(tmp_path))
    again = trainer.Trainer(KNOWN, more, 0, 1)
    again.run()
    assert again.position.images > whole.position.images
    stages = {str(line["validation"]) for line in log(tmp_path)[already:] if "validation" in line}
    assert stages == {"end of joint"}


def test_a_bundle_is_trained_on_where_there_is_no_checkpoint(tmp_path: Path) -> None:
    drawn(tmp_path)
    whole = trainer.Trainer(KNOWN, options(tmp_path, 2), 0, 1)
    whole.run()
    metadata = {"recipe": KNOWN.name, "training_images": 500, "training_minutes": 2.0}
    folder = a_bundle(whole.average, metadata, tmp_path / "bundle")
    (tmp_path / "checkpoint.pt").unlink()
    onward = replace(options(tmp_path, 1), start=str(folder))
    again = trainer.Trainer(KNOWN, onward, 0, 1)
    again._resume()
    assert KNOWN.stages[again.position.stage].name == "joint"
    assert (again.position.images, again.position.seconds) == (500, 120.0)
    for networks in (again.networks, again.average):
        for ours, kept in zip(
            networks.encoder.parameters(), Bundle.load(folder, "cpu").encoder.parameters(), strict=True
        ):
            assert torch.equal(ours, kept)
    again.run()
    assert again.position.stage == len(KNOWN.stages)
    before = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["position"]
    resumed = trainer.Trainer(KNOWN, onward, 0, 1)
    resumed._resume()  # the checkpoint counts, not the bundle
    assert resumed.position == trainer.Position(**before)


def test_a_bundle_of_another_recipe_is_not_trained_on(tmp_path: Path) -> None:
    drawn(tmp_path, FREE)
    networks = KNOWN.networks()
    for recipe in (KNOWN.name, None):
        metadata = {} if recipe is None else {"recipe": recipe}
        folder = a_bundle(networks, metadata, tmp_path / str(recipe))
        run = trainer.Trainer(FREE, replace(options(tmp_path, 1), start=str(folder)), 0, 1)
        with pytest.raises(OptionError, match=f"of the recipe {recipe!r}"):
            run.run()


def test_a_label_free_run_learns_and_its_mapping_covers_the_codes(tmp_path: Path) -> None:
    drawn(tmp_path, FREE)
    run = trainer.Trainer(FREE, options(tmp_path, 12), 0, 1)
    run.run()
    ends = [line for line in log(tmp_path) if str(line.get("validation", "")).startswith("end of")]
    first, last = (float(str(line["held_out_psnr_encoder"])) for line in (ends[0], ends[-1]))
    assert last > first + 1.0
    with torch.no_grad():
        pictures = data.to_images(run.cache.batch(np.random.default_rng(0), 64)[1])
        codes = run.average.encoder.split(pictures)[0]
        source = torch.Generator().manual_seed(5)
        made = run.average.generator.mapping(torch.randn(512, label_free.CODE_DIM, generator=source))[:, 0]
    spread = codes.std(0)
    assert ((made.mean(0) - codes.mean(0)).abs() < 0.5 * spread + 0.05).all()
    assert made.std(0).sum() == pytest.approx(float(spread.sum()), rel=0.25)


STEPS = 3


def every_step(
    run: trainer.Trainer, scenes: data.Scenes, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[float], list[torch.Tensor]]:
    """STEPS steps of every stage, and the end, with `scenes` as the numbers behind the pictures.

    The loss of each step; the pictures that the mapping is fitted to, and all weights at the end.
    """
    found: list[float] = []
    finished: list[torch.Tensor] = []
    loss, finish = run.loss, run.recipe.finish

    def noted_loss(stage: Stage) -> tuple[torch.Tensor, dict[str, float]]:
        value, facts = loss(stage)
        found.append(float(value.detach()))
        return value, facts

    def noted_finish(networks: Networks, images: torch.Tensor) -> None:
        finish(networks, images)
        finished.extend([images, *(p.detach() for network in networks for p in network.parameters())])

    run.cache.scenes = scenes
    monkeypatch.setattr(run, "loss", noted_loss)
    monkeypatch.setattr(run.recipe, "finish", noted_finish)
    monkeypatch.setattr(trainer, "agree", lambda values, world: [run.position.stage_step / STEPS])
    for number, stage in enumerate(run.recipe.stages):
        run.position.stage, run.position.progress, run.position.stage_step = number, 0.0, 0
        run._train_stage(stage, np.inf, np.inf)
        run._settle(stage)
    run._finish()
    return found, finished


@pytest.mark.parametrize(("toy", "real"), [(ToyLabelFree, LabelFree), (ToyKnownCodes, KnownCodes)])
def test_no_known_code_reaches_the_label_free_recipe(
    toy: type[Recipe], real: type[Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other numbers behind the same pictures change no step; the other recipe they change in every stage.

    Steps are taken, since a gradient can carry what the first loss does not show.
    """
    recipe = toy()
    recipe.stages = tuple(replace(s, batch=8, resolution=s.resolution // 8) for s in real.stages)
    drawn(tmp_path, recipe)
    monkeypatch.setattr(trainer, "bf16_pays", lambda device: False)  # measured: may differ between two runs
    monkeypatch.setattr(label_free, "fit_mapping", partial(label_free.fit_mapping, steps=STEPS))
    scenes = data.PictureCache(tmp_path, 64, 0, SIZE, recipe.sampler).scenes
    permuted = scenes[np.random.default_rng(1).permutation(len(scenes))]
    runs = []
    for numbers in (scenes, permuted):
        with monkeypatch.context() as patch:
            run = trainer.Trainer(recipe, options(tmp_path, 2), 0, 1)
            runs.append(every_step(run, numbers, patch))
    (ours, finished), (others, finished_otherwise) = runs
    assert len(ours) == len(others) == STEPS * len(real.stages)
    same = [a == b for a, b in zip(ours, others, strict=True)]
    same_end = [torch.equal(a, b) for a, b in zip(finished, finished_otherwise, strict=True)]
    if real is LabelFree:
        assert all(same)
        assert all(same_end)
    else:
        assert not any(same[STEPS - 1 :: STEPS])  # a fresh generator's first picture is grey for any code
        assert not same_end[0]


def test_the_label_free_population_leaves_nothing_to_choose_pictures_by() -> None:
    """Batches can prefer scenes with few numbers outside 0..1; in this population no number is."""
    scenes = data.SAMPLERS[LabelFree.sampler](np.random.default_rng(0), 20_000)
    assert not data.far_out(scenes).any()
    assert ToyLabelFree.sampler == LabelFree.sampler


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    drawn(tmp_path, FREE)
    trainer.Trainer(KNOWN, options(tmp_path, 1), 0, 1).checkpoint()
    with pytest.raises(OptionError, match="label-free"):
        trainer.Trainer(FREE, options(tmp_path, 1), 0, 1).run()


def test_a_checkpoint_from_before_the_critic_is_refused(tmp_path: Path) -> None:
    drawn(tmp_path, FREE)
    trainer.Trainer(KNOWN, options(tmp_path, 1), 0, 1).checkpoint()
    path = tmp_path / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    for part in ("networks", "average", "optimisers"):
        del state[part]["helpers"]
    torch.save(state, path)
    with pytest.raises(OptionError, match="without helpers"):
        trainer.Trainer(KNOWN, options(tmp_path, 1), 0, 1).run()


def test_grafts_carry_the_same_patch_to_two_hosts() -> None:
    images = torch.rand(6, 3, 32, 32) - 0.5
    source = torch.Generator().manual_seed(1)
    grafted, patch = label_free.graft(images, 3, source)
    ap, aq, qp, q = grafted.chunk(4)
    assert torch.allclose(aq - ap, q - qp, atol=1e-5)  # one patch, both times
    assert all(((one - images).abs().amax((1, 2, 3)) < 1e-5).any() for one in q)  # a face as it was drawn
    assert ((aq - ap).abs().amax((1, 2, 3)) > 0.2).all()
    assert ((aq - ap).abs() * (patch < 1e-3)).max() < 0.01  # and nothing beside it
    assert (patch.mean((1, 2, 3)) > 0.001).all()
    assert (patch.mean((1, 2, 3)) < 0.3).all()
    straight = torch.randn(4, 3, 5)
    straight[3] = straight[2] + straight[1] - straight[0]
    assert label_free.disagreement(straight.flatten(0, 1)).max() < 1e-6
    assert label_free.disagreement(torch.randn(400, 5)).mean() > 1.0


def test_recolouring_exchanges_a_colour_that_change_and_picture_share() -> None:
    """A moustache goes with the hair, painted lips stay as they are."""
    brown, skin, red, blond = (
        torch.tensor(c).view(3, 1, 1)
        for c in ((-0.6, -0.8, -0.9), (0.6, 0.2, 0.0), (0.8, -0.8, -0.6), (0.8, 0.5, -0.4))
    )
    face = skin.expand(3, 32, 32).clone()
    face[:, :10] = brown  # hair
    change = torch.zeros(1, 1, 32, 32)
    change[..., 18:28, 10:22] = 1
    moustache, lips = face.clone(), face.clone()
    moustache[:, 18:28, 10:22] = brown
    lips[:, 18:28, 10:22] = red
    other = blond.expand(1, 3, 32, 32)
    exchanged = 0
    for seed in range(8):  # the colour is the moustache's or that of the skin beneath
        source = torch.Generator().manual_seed(seed)
        (before, after), done = label_free.recolour(torch.stack([face, moustache]), change, other, source)
        if done and (before[:, 2, 2] - blond[:, 0, 0]).abs().max() < 0.05:
            exchanged += 1
            assert (after[:, 22, 16] - blond[:, 0, 0]).abs().max() < 0.05
            assert torch.allclose(before[:, 30, 16], skin[:, 0, 0], atol=0.05)
    assert 0 < exchanged < 8
    left = 0
    for seed in range(8):
        source = torch.Generator().manual_seed(seed)
        (_, after), done = label_free.recolour(torch.stack([face, lips]), change, other, source)
        left += not done
        if done:  # the skin's colour was exchanged: red is nowhere else
            assert (after[:, 22, 16] - red[:, 0, 0]).abs().max() < 0.05
    assert 0 < left < 8
    masked = torch.stack([lips, lips * 0.9])
    assert not label_free.recolour(masked, change, other, torch.Generator().manual_seed(0))[1].any()


def test_a_mix_of_normal_codes_is_as_likely_as_they_are() -> None:
    source = torch.Generator().manual_seed(2)
    a, b = torch.randn(2, 4000, 6, generator=source)
    mixed = label_free.mixes(a, b, source)
    assert torch.cov(mixed.T).sub(torch.eye(6)).abs().max() < 0.15
    assert not torch.allclose(mixed, a, atol=0.1)
    assert not torch.allclose(mixed, b, atol=0.1)


def test_critic_and_generator_learn_against_each_other_alone() -> None:
    critic = adversary.Critic(16)
    made = torch.randn(2, 3, 16, 16, requires_grad=True)
    fooled, told, _ = adversary.adversary(critic, made, torch.randn(2, 3, 16, 16))
    fooled.backward()
    assert made.grad is not None
    assert made.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in critic.parameters())
    made.grad = None
    told.backward()
    assert made.grad is None
    assert all(parameter.grad is not None for parameter in critic.parameters())


def test_scenes_reach_beyond_and_held_out_people_stay_inside() -> None:
    scenes = data.training_scenes(np.random.default_rng(0), 2000)
    assert scenes.shape == (2000, SCENE_SIZE)
    assert -data.REACH <= scenes.min() < -0.2
    assert 1.2 < scenes.max() <= 1 + data.REACH
    held_out = data.held_out_scenes(5)
    assert held_out.min() >= 0.0
    assert held_out.max() <= 1.0
    assert np.array_equal(held_out[2:], data.held_out_scenes(3, first=2))
    distances = np.abs(scenes[:, None] - held_out[None]).max(-1)
    assert distances.min() > 0.01  # none of them is a training scene
    assert float(
        data.to_z(np.random.default_rng(0).random((5000, 3)).astype(np.float32)).std()
    ) == pytest.approx(1.0, abs=0.02)


def test_the_cache_draws_once_and_gives_what_it_drew(tmp_path: Path) -> None:
    cache = data.PictureCache(tmp_path, 64, 3, SIZE)
    assert cache.ready() == 0
    cache.fill(1, 2)  # the second of two drawing processes: the odd chunks
    assert cache.ready() == data.CHUNK
    scenes, pictures = cache.batch(np.random.default_rng(0), 6)
    for scene, picture in zip(scenes, pictures, strict=True):
        assert np.array_equal(render_scene(scene.clip(0, 1), SIZE), picture)
    again = data.PictureCache(tmp_path, 64, 3, SIZE)
    assert again.ready() == data.CHUNK
    assert data.PictureCache(tmp_path, 64, 4, SIZE).ready() == 0  # another seed shares nothing


def test_losses() -> None:
    torch.manual_seed(0)
    target = torch.zeros(1, 3, 32, 32)
    target[..., 16:] = 1.0  # one edge
    weights = losses.busy_weights(target)
    assert weights.mean().item() == pytest.approx(1.0, abs=1e-5)
    assert weights[0, 0, 8, 16] > 3 * weights[0, 0, 8, 4]
    assert losses.picture_loss(target, target).item() == 0.0
    blurred = torch.nn.functional.avg_pool2d(target, 5, 1, 2, count_include_pad=False)
    assert losses.picture_loss(blurred, target) > 0
    off = torch.full((2, 3, 8, 8), 10 / 127.5)
    assert losses.psnr(off, torch.zeros(2, 3, 8, 8)).tolist() == pytest.approx([28.13] * 2, abs=0.5)


def test_calibration_material() -> None:
    pictures = render_many(data.held_out_scenes(3), 128, 1)
    for again in calibrate.same_again(pictures).values():
        change = np.abs(again.astype(int) - pictures).mean((1, 2, 3))
        assert (change > 0).all()
        assert (change < 12).all()
    pasted = calibrate.paste_ups(3)
    assert pasted.shape == pictures.shape
    assert pasted.dtype == np.uint8
    foreign = calibrate.foreign_pictures(2)
    assert {kind.shape for kind in foreign.values()} == {(2, 128, 128, 3)}
    before, after = calibrate.strong_pairs(data.held_out_scenes(4))
    assert [int(k) for k in np.argmax(np.abs(after - before), 1)] == [0, 1, 2, 3]
    assert np.array_equal((after - before).sum(1), np.ones(4, np.float32))


@pytest.mark.parametrize(("low", "high", "wanted"), [(1.0, 4.0, 2.0), (4.0, 1.0, 4.0)])
def test_thresholds_lie_between_or_spare_the_honest(low: float, high: float, wanted: float) -> None:
    assert calibrate.between(low, high) == wanted


def test_gradients_are_averaged_over_processes(tmp_path: Path) -> None:
    program = """
import sys, torch
from pathlib import Path
from inference.portraits.training.parallel import agree, average_gradients, join, leave, share_from_first
rank = int(sys.argv[1])
join(rank, 2, Path(sys.argv[2]))
p = torch.nn.Parameter(torch.zeros(2, 3))
p.grad = torch.full((2, 3), float(rank))
average_gradients([p, torch.nn.Parameter(torch.zeros(1))], 2)
assert torch.equal(p.grad, torch.full((2, 3), 0.5)), p.grad
assert agree([0.25 + rank], 2) == [0.25]
t = torch.full((3,), float(rank))
share_from_first(t, 2)
assert t.sum() == 0
leave()
"""
    meeting = str(tmp_path / "meet")
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(rank), meeting], stderr=subprocess.PIPE)
        for rank in (0, 1)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()


def test_the_command_refuses_nonsense(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    for wrong in (["--minutes", "0"], ["--pictures", "3"]):
        with pytest.raises(OptionError, match=wrong[1]):
            command.run(parser.parse_args(["--work", str(tmp_path), *wrong]))


def test_the_command_refuses_a_bundle_that_it_cannot_train_on(tmp_path: Path) -> None:
    toy = a_bundle(KNOWN.networks(), {"recipe": KNOWN.name}, tmp_path / "toy")
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    work = tmp_path / "work"
    for start, recipe, said in [
        (str(toy), "known-codes", "of another size"),
        ("portraits", "label-free", "'portraits' of the recipe 'known-codes'"),
        ("portraits-label-free", "known-codes", "of the recipe 'label-free'"),
    ]:
        with pytest.raises(OptionError, match=said):
            command.run(parser.parse_args(["--work", str(work), "--from", start, "--recipe", recipe]))
        assert not work.exists()


def test_batches_can_prefer_the_world_as_it_is(tmp_path: Path) -> None:
    cache = data.PictureCache(tmp_path, 512, 0, 8)
    cache.flags[:] = 1
    rng = np.random.default_rng(0)
    tame = data.far_out(cache.batch(rng, 200, natural=1.0)[0])
    mixed = data.far_out(cache.batch(rng, 200)[0])
    assert tame.max() <= 3
    assert mixed.max() > 10
