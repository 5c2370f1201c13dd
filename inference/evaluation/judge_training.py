"""Trains the judge: drawings with known scenes in, weights and what they are worth out.

One process. Seeded, and a stopped run goes on from its checkpoint: what a step sees follows from the seed and
the step alone. The rate stays level and falls only over the last quarter, so that a run may be made longer
or shorter while it goes. Figures are measured on balanced people that no training has seen.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import multiprocessing
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from inference.errors import OptionError
from inference.evaluation.judge import HOME, RESOLUTION, Judge, JudgeNet
from inference.evaluation.judged import JUDGED
from inference.portraits import SCENE_NAMES, random_scenes, render_many
from inference.portraits.training.data import PictureCache, Pictures, Scenes, held_out_scenes, to_images
from inference.portraits.training.trainer import bf16_pays

PEOPLE = 700_000  # the judge's own held-out people start here, counted from HELD_OUT_SEED
BATCH = 32
RATE = 2e-3
COOLDOWN = 0.25  # share of the images over which the rate falls to nothing


@dataclass
class Options:
    """What a run is."""

    work: Path
    images: int = 128_000  # drawings seen, each anew disturbed
    pictures: int = 40_000  # different drawings
    seed: int = 0
    device: str = "cpu"
    checkpoint_seconds: float = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--work", type=Path, required=True, help="folder for pictures and checkpoints (2 GB)")
    parser.add_argument("-o", "--output", type=Path, default=HOME, help="where the judge is written")
    parser.add_argument("--images", type=int, default=128_000, help="drawings to see in training")
    parser.add_argument("--pictures", type=int, default=40_000, help="different drawings (48 kB each)")
    parser.add_argument("--people", type=int, default=2048, help="held-out people it is measured on")
    parser.add_argument("--seed", type=int, default=0, help="decides drawings and first weights")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument(
        "--measure", action="store_true", help="train no further: measure and write the last checkpoint"
    )


def run(args: argparse.Namespace) -> int:
    """Draw, train, measure, write. Returns the exit status."""
    if args.images < BATCH or args.pictures < BATCH or args.people < 2:
        raise OptionError(
            f"{args.images} images, {args.pictures} pictures, {args.people} people",
            f"at least {BATCH} images, {BATCH} pictures and 2 people",
            code="option:judge",
        )
    args.work.mkdir(parents=True, exist_ok=True)
    options = Options(args.work, args.images, args.pictures, args.seed, args.device)
    trainer = Trainer(options)
    if not args.measure:
        draw(options)
        trainer.train()
    judge = measure(trainer.average, *held_out(args.work, args.people), trainer.facts())
    judge.save(args.output)
    worst = min(JUDGED, key=lambda name: float(judge.r2[SCENE_NAMES.index(name)]))
    mean = float(np.mean([float(judge.r2[SCENE_NAMES.index(name)]) for name in JUDGED]))
    print(f"R2 of the judged: mean {mean:.4f}, worst {worst} {judge.r2[SCENE_NAMES.index(worst)]:.4f}")
    return 0


def draw(options: Options) -> None:
    """Draw what is not drawn yet, one process a core. All of it first: then steps depend on the seed only."""
    cache = _cache(options)
    if cache.ready() == cache.count:
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    spawn = multiprocessing.get_context("spawn")
    drawers = [spawn.Process(target=_draw, args=(options, i, cores), daemon=True) for i in range(cores)]
    for drawer in drawers:
        drawer.start()
    for drawer in drawers:
        drawer.join()


def _draw(options: Options, worker: int, workers: int) -> None:
    _cache(options).fill(worker, workers)


def _cache(options: Options) -> PictureCache:
    # Balanced scenes, some numbers redrawn beyond 0..1: the ends of the ranges come often enough.
    return PictureCache(options.work, options.pictures, options.seed, RESOLUTION, "reaching")


class Trainer:
    """A training run: networks, optimiser and position, and their checkpoint."""

    def __init__(self, options: Options) -> None:
        self.options = options
        torch.manual_seed(options.seed)
        self.device = torch.device(options.device)
        self.network = JudgeNet()
        population = random_scenes(np.random.default_rng(0), 100_000)
        self.network.mean.copy_(torch.from_numpy(population.mean(0)))
        self.network.std.copy_(torch.from_numpy(population.std(0)))
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network)  # exponential moving average
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=RATE, weight_decay=0.01)
        self.step = 0
        self.seconds = 0.0
        path = options.work / "judge.pt"
        if path.exists():
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.seconds = state["step"], state["seconds"]

    def facts(self) -> dict[str, object]:
        """What a reader must know of the training."""
        return {"training_images": self.step * BATCH, "pictures": self.options.pictures}

    def train(self) -> None:
        """From the checkpoint, if there is one, to the wanted number of images."""
        cache = _cache(self.options)
        bf16 = bf16_pays(self.device)
        steps = self.options.images // BATCH
        saved = time.monotonic()
        losses: list[float] = []
        while self.step < steps:
            began = time.monotonic()
            loss = self._loss(cache, bf16)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            for group in self.optimiser.param_groups:
                group["lr"] = RATE * pace(self.step, steps)
            self.optimiser.step()
            self.step += 1
            self._follow()
            losses.append(float(loss.detach()))
            self.seconds += time.monotonic() - began
            if self.step % 100 == 0:
                line = {"step": self.step, "seconds": round(self.seconds), "loss": float(np.mean(losses))}
                with (self.options.work / "log.jsonl").open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                losses.clear()
            if self.step == steps or time.monotonic() - saved > self.options.checkpoint_seconds:
                self.checkpoint()
                saved = time.monotonic()

    def _loss(self, cache: PictureCache, bf16: bool) -> Tensor:
        """Mean squared error in the population's standard deviations."""
        rng = np.random.default_rng([self.options.seed, self.step])
        scenes, pictures = drawn(cache, rng)
        images = worn(pictures, rng).to(self.device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            read: Tensor = self.network(images)
        true = torch.from_numpy(scenes.clip(0, 1)).to(self.device)  # drawn clipped, so learned clipped
        error: Tensor = (read - true) / self.network.std
        return error.square().mean()

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(0.998, (1 + self.step) / (20 + self.step))
        ours, theirs = list(self.average.parameters()), list(self.network.parameters())
        torch._foreach_lerp_([p.data for p in ours], [p.data for p in theirs], 1 - decay)

    def checkpoint(self) -> None:
        """Everything needed to go on, written beside and then moved into place."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        path = self.options.work / "judge.pt"
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)


def drawn(cache: PictureCache, rng: np.random.Generator) -> tuple[Scenes, Pictures]:
    """A batch of scenes [B, 38] and their pictures [B, 128, 128, 3], any of the cache.

    Read, not taken from the mapping: touching a mapped picture for the first time costs ten times as much.
    """
    assert isinstance(cache.pictures, np.memmap)
    shape = cache.pictures.shape[1:]
    index = rng.integers(0, cache.count, BATCH)
    with Path(str(cache.pictures.filename)).open("rb", buffering=0) as file:
        pictures = np.empty((BATCH, *shape), np.uint8)
        for place, k in enumerate(index):
            file.seek(int(k) * pictures[0].nbytes)
            file.readinto(pictures[place].data)
    return cache.scenes[index], pictures


def pace(step: int, steps: int) -> float:
    """The rate's course: a short warm-up, level, then straight down over the last quarter."""
    return min(1.0, (step + 1) / 100, max(0.0, (steps - step) / (COOLDOWN * steps)))


def worn(pictures: Pictures, rng: np.random.Generator) -> Tensor:
    """Pictures [B, 128, 128, 3] as they come from elsewhere: shifted, compressed, blurred, a little noisy.

    Returns [B, 3, 128, 128] in about [-1, 1]. Brightness changes are slight: skin and light are read too.
    """
    count, height, width, _ = pictures.shape
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    shifted = np.empty_like(pictures)
    for i, (y, x) in enumerate(rng.integers(0, 3, (count, 2))):
        shifted[i] = padded[i, y : y + height, x : x + width]
        if rng.random() < 0.25:
            shifted[i] = compressed(shifted[i], int(rng.integers(50, 96)))
    images = to_images(shifted)
    chosen = torch.from_numpy(rng.random(count) < 0.35)
    images[chosen] = blurred(images[chosen], float(rng.uniform(0.3, 1.2)))
    gain = torch.from_numpy(rng.uniform(0.96, 1.04, (count, 1, 1, 1)).astype(np.float32))
    offset = torch.from_numpy(rng.uniform(-0.03, 0.03, (count, 1, 1, 1)).astype(np.float32))
    images = images * gain + offset
    noisy = torch.from_numpy(rng.random(count) < 0.15)
    noise = rng.standard_normal((int(noisy.sum()), 3, height, width), dtype=np.float32)
    images[noisy] += float(rng.uniform(0.0, 0.04)) * torch.from_numpy(noise)
    return images


def compressed(picture: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    """A picture [H, W, 3] after JPEG of that quality (1..95)."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file), np.uint8)


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of images [B, 3, H, W], sigma in pixels."""
    reach = torch.arange(-3, 4, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (reach / sigma).square())
    kernel = (kernel / kernel.sum()).repeat(3, 1)
    padded = F.pad(images, (3, 3, 3, 3), mode="replicate")
    rows = F.conv2d(padded, kernel[:, None, None, :], groups=3)
    return F.conv2d(rows, kernel[:, None, :, None], groups=3)


def held_out(work: Path, people: int) -> tuple[Scenes, Pictures]:
    """Balanced people of the judge's own held-out seeds: scenes [N, 38], pictures [N, 128, 128, 3]."""
    scenes = held_out_scenes(people, PEOPLE)
    path = work / f"held-out-{people}.npy"
    if not path.exists():
        np.save(path, render_many(scenes, RESOLUTION))
    pictures: Pictures = np.load(path)
    return scenes, pictures


def measure(network: JudgeNet, scenes: Scenes, pictures: Pictures, facts: dict[str, object]) -> Judge:
    """The judge of these weights (as fp16 keeps them), with sigma and R2 on pictures of known scenes."""
    kept = JudgeNet(**{**network.config, "widths": tuple(network.config["widths"])})
    kept.load_state_dict({name: value.cpu().half().float() for name, value in network.state_dict().items()})
    kept.eval().requires_grad_(False)
    zeros = torch.zeros(len(SCENE_NAMES))
    judge = Judge(kept, zeros, zeros, zeros, {})
    true = torch.from_numpy(scenes)
    fresh = torch.cat([judge(to_images(part)) for part in np.array_split(pictures, -(-len(pictures) // 64))])
    rng = np.random.default_rng(0)
    old = torch.cat([judge(worn(part, rng)) for part in np.array_split(pictures, -(-len(pictures) // 64))])
    return Judge(
        network=kept,
        sigma=fresh.std(0),
        r2=explained(true, fresh),
        r2_worn=explained(true, old),
        facts={**facts, "measured_on": len(scenes), "first_person": PEOPLE, "population": "balanced"},
    )


def explained(true: Tensor, read: Tensor) -> Tensor:
    """R2 of readings [N, K] of true numbers [N, K]: 1 - residual over total sum of squares, [K]."""
    return 1 - (true - read).square().sum(0) / (true - true.mean(0)).square().sum(0)
