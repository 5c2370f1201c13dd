"""The supervised recipe: scene s is known, w = M(s), G(w) ~ picture; then an encoder, through G.

Seven stages, each a share of the time given: a perceptual backbone that reads scenes from pictures, mapping
and generator at 32 px (the mapping then stays), the encoder toward known w, the generator at 64 and 128 px,
encoder and generator together through the picture, and that once more with hardly any perceptual weight.
Resumable from the last checkpoint, seeded (which pictures a step sees follows from the seed; how many steps
fit, from the machine). A finished run can go on: the last two stages once more, from the averaged
weights. It makes no bundle: that needs the measurements of `calibrate.py`.
"""

from __future__ import annotations

import copy
import json
import math
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from inference.portraits import SCENE_SIZE, render_many
from inference.portraits.training import losses
from inference.portraits.training.data import PictureCache, held_out_scenes, to_images, to_z
from inference.portraits.training.networks import RESOLUTION, Networks, make_networks
from inference.portraits.training.parallel import agree, average_gradients, share_from_first
from inference.portraits.training.stages import AGAIN, AGAIN_PACE, PERCEPTUAL_WEIGHT, STAGES, Stage


@dataclass
class Options:
    """What a run is; written beside its checkpoints."""

    work: Path
    minutes: float  # shared out over all stages, or over those done again
    again: bool = False
    seed: int = 0
    device: str = "cpu"
    pictures: int = 40_000
    checkpoint_seconds: float = 180.0
    sheet_seconds: float = 240.0


@dataclass
class Position:
    """Where training is; stored in every checkpoint."""

    stage: int = 0
    progress: float = 0.0  # of the stage, 0..1
    step: int = 0
    stage_step: int = 0
    images: int = 0
    seconds: float = 0.0
    again: bool = False  # these are the stages of AGAIN, after a whole run


class Trainer:
    """One process of a training run."""

    def __init__(self, options: Options, rank: int, world: int) -> None:
        self.options = options
        self.rank = rank
        self.world = world
        self.device = torch.device(options.device)
        torch.manual_seed(options.seed)
        self.networks = make_networks(SCENE_SIZE)
        for network in self.networks:
            network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for block in self.networks.generator.blocks:
            nn.init.zeros_(block.rgb.weight)  # type: ignore[union-attr,arg-type]
        self.average: Networks = copy.deepcopy(self.networks)  # exponential moving average
        self.optimisers = {name: self._optimiser(name) for name in ("generator", "encoder", "perceptual")}
        self.position = Position()
        self.cache = PictureCache(options.work, options.pictures, options.seed, RESOLUTION)
        self.bf16 = bool(agree([bf16_pays(self.device)], world)[0])
        self.held_out: tuple[Tensor, Tensor] | None = None

    def run(self) -> None:
        """Train from wherever the last checkpoint stands to the end."""
        self._resume()
        if self.rank == 0:
            scenes = held_out_scenes(64)
            pictures = render_many(scenes, RESOLUTION, 1)
            self.held_out = (to_z(scenes), to_images(pictures))
        self.cache.wait(2048)
        last_checkpoint = last_sheet = time.monotonic()
        while self.position.stage < len(STAGES):
            stage = STAGES[self.position.stage]
            self._train_stage(stage, last_checkpoint, last_sheet)
            self._settle(stage)
            self.position.stage += 1
            self.position.progress = 0.0
            self.position.stage_step = 0
            if self.rank == 0:
                self.validate(f"end of {stage.name}")
                self.checkpoint()
                self.sheet()

    def _train_stage(self, stage: Stage, last_checkpoint: float, last_sheet: float) -> None:
        length = self._seconds(stage)
        step_of = self._step_of(stage)
        both = ["generator", "encoder"]
        names = {"perceptual": ["perceptual"], "encoder": ["encoder"], "joint": both, "polish": both}
        trained = names.get(stage.name, ["generator"])
        for name, network in self.networks._asdict().items():
            network.requires_grad_(name in trained)
        parameters = [p for name in trained for p in self._parameters(name)]
        if stage.name != "generator-32":
            self.networks.generator.map.requires_grad_(False)
        parameters = [p for p in parameters if p.requires_grad]
        bar = tqdm(
            total=100, initial=int(self.position.progress * 100), desc=stage.name, disable=self.rank > 0
        )
        pace = AGAIN_PACE if self.position.again else 1.0
        began = time.monotonic() - self.position.progress * length
        recent: list[float] = []
        parent = multiprocessing.parent_process()
        while self.position.progress < 1.0:
            if parent and not parent.is_alive():
                raise SystemExit("the command that started this process is gone")
            started = time.monotonic()
            rng = np.random.default_rng(
                [self.options.seed, self.rank, self.position.stage, self.position.step]
            )
            scenes, pictures = self.cache.batch(rng, stage.batch // self.world, natural=stage.natural)
            z = to_z(scenes).to(self.device)
            images = to_images(pictures).to(self.device)
            if stage.resolution < RESOLUTION:
                images = F.avg_pool2d(images, RESOLUTION // stage.resolution)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                loss, facts = step_of(z, images)
            for parameter in parameters:
                parameter.grad = None
            loss.backward()  # type: ignore[no-untyped-call]
            average_gradients(parameters, self.world)
            nn.utils.clip_grad_norm_(parameters, 5.0)
            warm = min(1.0, (self.position.stage_step + 1) / 100)
            fall = 0.5 * (1 + math.cos(math.pi * self.position.progress))
            floor = 0.02 if stage.name in ("perceptual", "joint", "polish") else 0.25
            for name in trained:
                scale = 0.25 if stage.name in ("joint", "polish") and name == "encoder" else 1.0
                for group in self.optimisers[name].param_groups:
                    bold = self._boldness(stage, group["resolution"])
                    group["lr"] = pace * stage.lr * scale * bold * warm * (floor + (1 - floor) * fall)
                self.optimisers[name].step()
            if self.rank == 0:
                self._follow(trained)
            self.position.step += 1
            self.position.stage_step += 1
            self.position.images += stage.batch
            self.position.seconds += time.monotonic() - started
            recent.append(float(loss.detach()))
            (self.position.progress,) = agree([(time.monotonic() - began) / length], self.world)
            if self.rank == 0:
                bar.update(min(100, int(self.position.progress * 100)) - bar.n)
                if self.position.step % 50 == 0:
                    rate = stage.batch / (time.monotonic() - started)
                    bar.set_postfix_str(f"loss {np.mean(recent):.4f}, {rate:.0f} img/s")
                    self._log(stage=stage.name, step=self.position.step, loss=float(np.mean(recent)), **facts)
                    recent.clear()
                now = time.monotonic()
                if now - last_checkpoint > self.options.checkpoint_seconds:
                    last_checkpoint = now
                    self.checkpoint()
                if now - last_sheet > self.options.sheet_seconds:
                    last_sheet = now
                    self.validate(stage.name)
                    self.sheet()
        bar.close()

    def _seconds(self, stage: Stage) -> float:
        whole = sum(s.share for s in STAGES if s.name in AGAIN) if self.position.again else 1.0
        return self.options.minutes * 60 * stage.share / whole

    # --- what a step of each stage minimises ---------------------------------------------------------

    def _step_of(self, stage: Stage) -> Callable[[Tensor, Tensor], tuple[Tensor, dict[str, float]]]:
        if stage.name == "perceptual":
            return self._perceptual_step
        if stage.name == "encoder":
            return self._encoder_step
        if stage.name in ("joint", "polish"):
            weight = PERCEPTUAL_WEIGHT if stage.name == "joint" else 0.2 * PERCEPTUAL_WEIGHT
            return lambda z, images: self._joint_step(z, images, weight)
        return lambda z, images: self._generator_step(z, images, stage.resolution)

    def _perceptual_step(self, z: Tensor, images: Tensor) -> tuple[Tensor, dict[str, float]]:
        predicted = self.networks.perceptual.predict(images)
        return F.smooth_l1_loss(predicted, _inside(z), beta=0.3), {}

    def _generator_step(self, z: Tensor, images: Tensor, resolution: int) -> tuple[Tensor, dict[str, float]]:
        codes = self.networks.generator.mapping(z)
        output = self.networks.generator.pyramid(codes, "none", resolution)
        loss = losses.picture_loss(output, images)
        return loss, {"psnr": float(losses.psnr(output.detach(), images).mean())}

    def _encoder_step(self, z: Tensor, images: Tensor) -> tuple[Tensor, dict[str, float]]:
        with torch.no_grad():
            target = self.networks.generator.mapping(_inside(z))[:, 0]  # [B, D]
        w, deltas = self.networks.encoder.split(images)
        loss = F.smooth_l1_loss(w, target, beta=0.3) + 0.1 * deltas.square().mean()
        return loss, {"explained": float(1 - (w - target).detach().square().mean() / target.var())}

    def _joint_step(self, z: Tensor, images: Tensor, perceptual: float) -> tuple[Tensor, dict[str, float]]:
        """Pictures through the encoder and back, beside known codes that keep the mapping in its place."""
        w, deltas = self.networks.encoder.split(images)
        some = max(1, len(images) // 8)
        known = self.networks.generator.mapping(z[:some])
        with torch.no_grad():
            target = self.networks.generator.mapping(_inside(z))[:, 0]
        codes = torch.cat([w[:, None, :] + deltas, known])
        output = self.networks.generator.synthesis(codes, "none")
        wanted = torch.cat([images, images[:some]])
        distance = self._feature_distance(output, wanted)
        loss = losses.picture_loss(output, wanted) + perceptual * distance
        loss = loss + 0.05 * F.smooth_l1_loss(w, target, beta=0.3) + 0.02 * deltas.square().mean()
        quality = losses.psnr(output.detach(), wanted)
        return loss, {
            "psnr": float(quality[len(images) :].mean()),
            "psnr_encoder": float(quality[: len(images)].mean()),
            "lpips": float(distance.detach()),
            "delta": float(deltas.detach().square().mean()),
        }

    @staticmethod
    def _boldness(stage: Stage, resolution: int) -> float:
        """How much faster than the stage's rate a group learns. toRGB layers and the constant (group 0) set
        the pace: their weights are small, and a rate that suits a fresh generator destroys a trained one."""
        if not resolution or stage.name not in ("generator-64", "generator-128", "joint", "polish"):
            return 1.0
        return 4.0 if resolution == stage.resolution and stage.name.startswith("generator") else 2.0

    def _feature_distance(self, output: Tensor, images: Tensor) -> Tensor:
        perceptual = self.networks.perceptual
        with torch.no_grad():
            wanted = perceptual.features(images)
        return perceptual.compare(perceptual.features(output), wanted).mean()

    # --- bookkeeping ------------------------------------------------------------------------------------

    def _parameters(self, name: str) -> list[nn.Parameter]:
        network = getattr(self.networks, name)
        return [
            p for key, p in network.named_parameters() if "noise_strength" not in key and ".lin" not in key
        ]

    def _optimiser(self, name: str) -> torch.optim.Adam:
        """One group a resolution: a block that is new in a stage learns faster than those trained before.

        (Taking trained blocks back to 0.02, a rate that suits a fresh one, destroyed them within 100 steps.)
        """
        wanted = {id(p) for p in self._parameters(name)}
        groups: dict[int, list[nn.Parameter]] = {}
        for key, parameter in getattr(self.networks, name).named_parameters():
            if id(parameter) in wanted:
                fine = name == "generator" and key.startswith("blocks.") and ".rgb." not in key
                resolution = 4 * 2 ** int(key.split(".")[1]) if fine else 0
                groups.setdefault(resolution, []).append(parameter)
        described = [{"params": found, "resolution": r} for r, found in sorted(groups.items())]
        return torch.optim.Adam(described, lr=1e-3, betas=(0.9, 0.99), fused=True)

    @torch.no_grad()
    def _settle(self, stage: Stage) -> None:
        """Backbone and mapping are finished after their stages: go on with the averaged ones, everywhere."""
        kept = {"perceptual": ["perceptual"], "generator-32": ["generator"]}.get(stage.name, [])
        for name in kept:
            ours = getattr(self.networks, name)
            for to, averaged in zip(ours.parameters(), getattr(self.average, name).parameters(), strict=True):
                share_from_first(averaged, self.world)
                to.copy_(averaged)

    def _follow(self, trained: list[str]) -> None:
        """Move the averaged weights a little toward the trained ones (faster at first)."""
        decay = min(0.998, (1 + self.position.stage_step) / (20 + self.position.stage_step))
        for name in trained:
            ours = list(getattr(self.average, name).parameters())
            theirs = list(getattr(self.networks, name).parameters())
            torch._foreach_lerp_([p.data for p in ours], [p.data for p in theirs], 1 - decay)

    @torch.no_grad()
    def validate(self, label: str) -> None:
        """Held-out figures of the averaged weights, into the log."""
        assert self.held_out is not None
        z, images = self.held_out
        known, encoded = self._reconstruct(z, images)
        facts: dict[str, Any] = {
            "held_out_psnr_known": round(float(losses.psnr(known, images).mean()), 3),
            "held_out_psnr_encoder": round(float(losses.psnr(encoded, images).mean()), 3),
        }
        read = self.average.perceptual.predict(images.to(self.device)).cpu()
        facts["backbone_explained"] = round(float(1 - (read - z).square().mean() / z.var()), 4)
        tqdm.write(f"{label}: {facts}")
        self._log(validation=label, **facts)

    def _reconstruct(self, z: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        known, encoded = [], []
        for i in range(0, len(z), 16):
            codes = self.average.generator.mapping(z[i : i + 16].to(self.device))
            known.append(self._grown(codes).cpu())
            codes = self.average.encoder(images[i : i + 16].to(self.device))
            encoded.append(self._grown(codes).cpu())
        return torch.cat(known), torch.cat(encoded)

    def _grown(self, codes: Tensor) -> Tensor:
        """Pictures at the resolution that training has reached, enlarged to the full one."""
        passed = STAGES[: self.position.stage + 1]
        resolution = max([s.resolution for s in passed if s.name.startswith("generator")], default=32)
        image = self.average.generator.pyramid(codes, "const", resolution)
        return F.interpolate(image, size=RESOLUTION, mode="bilinear") if resolution < RESOLUTION else image

    @torch.no_grad()
    def sheet(self) -> None:
        """Contact sheet: held-out pictures, the generator on their known codes, and through the encoder."""
        assert self.held_out is not None
        z, images = self.held_out[0][:24], self.held_out[1][:24]
        known, encoded = self._reconstruct(z, images)
        rows = [
            torch.cat(list(batch[i : i + 8]), 2)
            for i in range(0, 24, 8)
            for batch in (images, known, encoded)
        ]
        sheet = torch.cat(rows, 1).clamp(-1, 1)
        pixels = ((sheet + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
        name = f"sheet-{self.position.stage}-{self.position.step:06d}.png"
        Image.fromarray(pixels).save(self.options.work / name)

    def _log(self, **facts: object) -> None:
        line = {"seconds": round(self.position.seconds, 1), "images": self.position.images, **facts}
        with (self.options.work / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def checkpoint(self) -> None:
        """Everything needed to go on, written beside and then moved into place."""
        state = {
            "position": asdict(self.position),
            "networks": {name: network.state_dict() for name, network in self.networks._asdict().items()},
            "average": {name: network.state_dict() for name, network in self.average._asdict().items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
        }
        path = self.options.work / "checkpoint.pt"
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def _resume(self) -> None:
        path = self.options.work / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.position = Position(**state["position"])
        for name in Networks._fields:
            getattr(self.networks, name).load_state_dict(state["networks"][name])
            getattr(self.average, name).load_state_dict(state["average"][name])
            self.optimisers[name].load_state_dict(state["optimisers"][name])
        if self.options.again and self.position.stage == len(STAGES):
            first = [stage.name for stage in STAGES].index(AGAIN[0])
            self.position = replace(self.position, stage=first, progress=0.0, stage_step=0, again=True)
            for name in Networks._fields:
                getattr(self.networks, name).load_state_dict(state["average"][name])


def bf16_pays(device: torch.device) -> bool:
    """Whether convolutions and their gradients are faster in bf16 here: measured, CPUs differ eightfold."""
    seconds = []
    for dtype in (torch.float32, torch.bfloat16):
        x = torch.randn(8, 64, 64, 64, device=device, dtype=dtype).to(memory_format=torch.channels_last)
        weight = torch.randn(64, 64, 3, 3, device=device, dtype=dtype, requires_grad=True)
        times = []
        for _ in range(4):
            started = time.perf_counter()
            F.conv2d(x, weight, padding=1).sum().backward()  # type: ignore[no-untyped-call]
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times.append(time.perf_counter() - started)
        seconds.append(min(times[1:]))
    return seconds[1] < seconds[0]


def _inside(z: Tensor) -> Tensor:
    """z [B, K] of what is drawn: scenes are clipped to 0..1 before drawing."""
    edge = 0.5 * 12**0.5
    return z.clamp(-edge, edge)
