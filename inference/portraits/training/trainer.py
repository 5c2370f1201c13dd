"""Runs a recipe: time, averaged weights, checkpoints, contact sheets, several processes.

Each stage of a recipe has a share of the time given. Resumable from the last checkpoint, seeded (which
pictures a step sees follows from the seed; how many steps fit, from the machine). A finished run, or a
bundle, can go on: the recipe's last stages once more, from the averaged weights. It makes no bundle: that
needs the measurements of `calibrate.py`.
"""

from __future__ import annotations

import copy
import json
import math
import multiprocessing
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from inference.bundle import Bundle
from inference.errors import OptionError
from inference.portraits import render_many
from inference.portraits.training import losses
from inference.portraits.training.data import PictureCache, held_out_scenes, to_images, to_z
from inference.portraits.training.parallel import agree, average_gradients, share_from_first
from inference.portraits.training.recipe import Batch, Facts, Networks, Recipe, Stage


@dataclass
class Options:
    """What a run is."""

    work: Path
    minutes: float  # shared out over all stages, or over those done again
    again: bool = False
    start: str | None = None  # a bundle of the same recipe to go on from, where there is no checkpoint
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
    again: bool = False  # these are the recipe's `again` stages, after a whole run


class Trainer:
    """One process of a training run."""

    def __init__(self, recipe: Recipe, options: Options, rank: int, world: int) -> None:
        self.recipe = recipe
        self.options = options
        self.rank = rank
        self.world = world
        self.device = torch.device(options.device)
        torch.manual_seed(options.seed)
        self.networks = recipe.networks()
        for network in self.networks:
            network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for block in self.networks.generator.blocks:
            nn.init.zeros_(block.rgb.weight)  # type: ignore[union-attr,arg-type]
        self.average: Networks = copy.deepcopy(self.networks)  # exponential moving average
        self.optimisers = {name: self._optimiser(name) for name in self._names()}
        self.position = Position()
        self.resolution = self.networks.generator.resolution
        self.cache = PictureCache(
            options.work, options.pictures, options.seed, self.resolution, recipe.sampler
        )
        self.bf16 = bool(agree([bf16_pays(self.device)], world)[0])
        self.held_out: tuple[Tensor, Tensor] | None = None

    def run(self) -> None:
        """Train from wherever the last checkpoint stands to the end."""
        self._resume()
        if self.rank == 0:
            scenes = held_out_scenes(64)
            self.held_out = (to_z(scenes), to_images(render_many(scenes, self.resolution, 1)))
        self.cache.wait(2048)
        last_checkpoint = last_sheet = time.monotonic()
        while self.position.stage < len(self.recipe.stages):
            stage = self.recipe.stages[self.position.stage]
            self._train_stage(stage, last_checkpoint, last_sheet)
            self._settle(stage)
            self.position.stage += 1
            self.position.progress = 0.0
            self.position.stage_step = 0
            if self.position.stage == len(self.recipe.stages):
                self._finish()
            if self.rank == 0:
                self.validate(f"end of {stage.name}")
                self.checkpoint()
                self.sheet()

    def _train_stage(self, stage: Stage, last_checkpoint: float, last_sheet: float) -> None:
        length = self._seconds(stage)
        parameters = self._choose(stage)
        bar = tqdm(
            total=100, initial=int(self.position.progress * 100), desc=stage.name, disable=self.rank > 0
        )
        pace = self.recipe.again_pace if self.position.again else 1.0
        began = time.monotonic() - self.position.progress * length
        recent: list[float] = []
        parent = multiprocessing.parent_process()
        while self.position.progress < 1.0:
            if parent and not parent.is_alive():
                raise SystemExit("the command that started this process is gone")
            started = time.monotonic()
            loss, facts = self.loss(stage)
            for parameter in parameters:
                parameter.grad = None
            loss.backward()  # type: ignore[no-untyped-call]
            average_gradients(parameters, self.world)
            nn.utils.clip_grad_norm_(parameters, 5.0)
            warm = min(1.0, (self.position.stage_step + 1) / 100)
            fall = 0.5 * (1 + math.cos(math.pi * self.position.progress))
            rate = pace * stage.lr * warm * (stage.floor + (1 - stage.floor) * fall)
            for name in self._trained(stage):
                for group in self.optimisers[name].param_groups:
                    group["lr"] = rate * _pace(stage, name, group["resolution"])
                self.optimisers[name].step()
            if self.rank == 0:
                self._follow(stage)
            self.position.step += 1
            self.position.stage_step += 1
            self.position.images += stage.batch
            self.position.seconds += time.monotonic() - started
            recent.append(float(loss.detach()))
            (self.position.progress,) = agree([(time.monotonic() - began) / length], self.world)
            if self.rank == 0:
                bar.update(min(100, int(self.position.progress * 100)) - bar.n)
                if self.position.step % 50 == 0:
                    speed = stage.batch / (time.monotonic() - started)
                    bar.set_postfix_str(f"loss {np.mean(recent):.4f}, {speed:.0f} img/s")
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

    def loss(self, stage: Stage) -> tuple[Tensor, Facts]:
        """The loss of this position's batch. Scenes reach a recipe only if it says that it uses them."""
        rng = np.random.default_rng([self.options.seed, self.rank, self.position.stage, self.position.step])
        scenes, pictures = self.cache.batch(rng, stage.batch // self.world, natural=stage.natural)
        batch = Batch(
            images=to_images(pictures).to(self.device),
            source=torch.Generator().manual_seed(int(rng.integers(2**62))),
            z=to_z(scenes).to(self.device) if self.recipe.known_codes else None,
        )
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            return self.recipe.step(self.networks, stage, batch)

    def _seconds(self, stage: Stage) -> float:
        whole = 1.0
        if self.position.again:
            whole = sum(s.share for s in self.recipe.stages if s.name in self.recipe.again)
        return self.options.minutes * 60 * stage.share / whole

    def _choose(self, stage: Stage) -> list[nn.Parameter]:
        """Let a stage's networks learn and no others; their parameters."""
        for name, network in self.networks._asdict().items():
            network.requires_grad_(name in self._trained(stage))
        self.recipe.frozen(self.networks, stage)
        return [p for name in self._trained(stage) for p in self._parameters(name) if p.requires_grad]

    def _trained(self, stage: Stage) -> list[str]:
        return [name for name in (*stage.trained, "helpers") if name in self.optimisers]

    def _names(self) -> list[str]:
        """The networks that have parameters."""
        return [name for name, network in self.networks._asdict().items() if list(network.parameters())]

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
        """Networks that are finished after this stage go on as their averaged ones, everywhere."""
        for name in self.recipe.settled(stage):
            ours = getattr(self.networks, name)
            for to, averaged in zip(ours.parameters(), getattr(self.average, name).parameters(), strict=True):
                share_from_first(averaged, self.world)
                to.copy_(averaged)

    def _finish(self) -> None:
        if self.rank == 0:
            rng = np.random.default_rng([self.options.seed, 1])
            count = min(4096, self.cache.ready())
            self.recipe.finish(self.average, to_images(self.cache.batch(rng, count, natural=1.0)[1]))

    def _follow(self, stage: Stage) -> None:
        """Move the averaged weights a little toward the trained ones (faster at first)."""
        decay = min(0.998, (1 + self.position.stage_step) / (20 + self.position.stage_step))
        for name in self._trained(stage):
            ours = list(getattr(self.average, name).parameters())
            theirs = list(getattr(self.networks, name).parameters())
            torch._foreach_lerp_([p.data for p in ours], [p.data for p in theirs], 1 - decay)

    @torch.no_grad()
    def validate(self, label: str) -> None:
        """Held-out figures of the averaged weights, into the log."""
        assert self.held_out is not None
        rows = self._reconstructions(*self.held_out)
        facts = {
            f"held_out_psnr_{name}": round(float(losses.psnr(made, self.held_out[1]).mean()), 3)
            for name, made in rows.items()
        }
        tqdm.write(f"{label}: {facts}")
        self._log(validation=label, **facts)

    def _reconstructions(self, z: Tensor, images: Tensor) -> dict[str, Tensor]:
        """The averaged networks' pictures of held-out people: through the encoder, and from known codes."""
        rows: dict[str, list[Tensor]] = {}
        for i in range(0, len(z), 16):
            known = self.recipe.from_known(self.average, z[i : i + 16].to(self.device))
            if known is not None:
                rows.setdefault("known", []).append(self._grown(known).cpu())
            codes = self.average.encoder(images[i : i + 16].to(self.device))
            rows.setdefault("encoder", []).append(self._grown(codes).cpu())
        return {name: torch.cat(parts) for name, parts in rows.items()}

    def _grown(self, codes: Tensor) -> Tensor:
        """Pictures at the resolution that training has reached, enlarged to the full one."""
        passed = self.recipe.stages[: self.position.stage + 1]
        reached = [stage.resolution for stage in passed if "generator" in stage.trained]
        resolution = max(reached, default=self.recipe.stages[0].resolution)
        image = self.average.generator.pyramid(codes, "const", resolution)
        return F.interpolate(image, size=self.resolution, mode="bilinear")

    @torch.no_grad()
    def sheet(self) -> None:
        """Contact sheet: held-out pictures, through the encoder, and what the recipe makes of known codes."""
        assert self.held_out is not None
        z, images = self.held_out[0][:24], self.held_out[1][:24]
        batches = [images, *self._reconstructions(z, images).values()]
        rows = [torch.cat(list(batch[i : i + 8]), 2) for i in range(0, 24, 8) for batch in batches]
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
        names = self._names()
        state = {
            "recipe": self.recipe.name,
            "position": asdict(self.position),
            "networks": {name: getattr(self.networks, name).state_dict() for name in names},
            "average": {name: getattr(self.average, name).state_dict() for name in names},
            "optimisers": {name: self.optimisers[name].state_dict() for name in names},
        }
        path = self.options.work / "checkpoint.pt"
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def _resume(self) -> None:
        path = self.options.work / "checkpoint.pt"
        if not path.exists():
            if self.options.start is not None:
                self._start_from(Bundle.load(self.options.start, "cpu"))
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["recipe"] != self.recipe.name:
            raise OptionError(
                f"the recipe {self.recipe.name}, and a checkpoint of {state['recipe']} in {path.parent}",
                "a folder of its own for each run",
                "give another --work",
                code="option:work",
            )
        if not set(self._names()) <= set(state["networks"]):
            raise OptionError(
                f"a checkpoint without {', '.join(sorted(set(self._names()) - set(state['networks'])))}",
                "one of this version of the recipe",
                "train from the beginning, in another --work",
                code="option:work",
            )
        self.position = Position(**state["position"])
        for name in self._names():
            getattr(self.networks, name).load_state_dict(state["networks"][name])
            getattr(self.average, name).load_state_dict(state["average"][name])
            self.optimisers[name].load_state_dict(state["optimisers"][name])
        if self.options.again and self.position.stage == len(self.recipe.stages):
            self._once_more(self.position)
            for name in self._names():
                getattr(self.networks, name).load_state_dict(state["average"][name])

    def _once_more(self, position: Position) -> None:
        """Stand before the first of the stages that a finished run does once more."""
        first = [stage.name for stage in self.recipe.stages].index(self.recipe.again[0])
        self.position = replace(position, stage=first, progress=0.0, stage_step=0, again=True)

    def _start_from(self, bundle: Bundle) -> None:
        """A bundle's weights in place of a finished run's; what only training needs begins anew."""
        for networks in (self.networks, self.average):
            fill(networks, bundle, self.recipe)
        images, minutes = (bundle.metadata.get(f"training_{fact}", 0) for fact in ("images", "minutes"))
        self._once_more(Position(images=int(images), seconds=60.0 * float(minutes)))


def fill(networks: Networks, bundle: Bundle, recipe: Recipe) -> None:
    """A bundle's weights into a recipe's networks; OptionError where they are of another recipe or size."""
    trained = bundle.metadata.get("recipe")
    if trained != recipe.name:
        raise OptionError(
            f"the bundle {bundle.name!r} of the recipe {trained!r}",
            f"one of {recipe.name!r}",
            "give another --from, or --recipe",
            code="option:from",
        )
    for name, network in bundle.networks().items():
        try:
            getattr(networks, name).load_state_dict(network.state_dict())
        except RuntimeError as error:
            raise OptionError(
                f"the bundle {bundle.name!r}, whose {name} is of another size",
                f"networks as {recipe.name!r} makes them",
                "train from the beginning",
                code="option:from",
            ) from error


def _pace(stage: Stage, name: str, resolution: int) -> float:
    """How much faster than the stage's rate a group learns; resolution 0 is toRGB, constant and mapping."""
    if name == "generator" and resolution:
        return stage.fresh_pace if resolution == stage.resolution else stage.layers_pace
    return stage.encoder_pace if name == "encoder" else 1.0


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
