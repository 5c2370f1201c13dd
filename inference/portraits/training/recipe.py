"""What one way of training consists of: networks, pictures, stages, and what a step of each stage minimises.

The trainer runs any recipe: it knows time, checkpoints, averaged weights and processes, no losses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from inference.encoders import InDomainEncoder
from inference.generators import StyleGAN2Generator
from inference.perceptual import Perceptual

Facts = dict[str, float]


class Networks(NamedTuple):
    generator: StyleGAN2Generator
    encoder: InDomainEncoder
    perceptual: Perceptual
    helpers: nn.Module  # what only training needs; an empty module where it needs nothing


@dataclass(frozen=True)
class Stage:
    """A share of the whole time at one resolution, and which networks learn how fast in it."""

    name: str
    share: float
    batch: int  # over all processes
    lr: float
    resolution: int
    trained: tuple[str, ...] = ("generator",)
    natural: float = 0.0  # share of the batch without far-out scenes (only where the sampler reaches beyond)
    floor: float = 0.25  # of the rate, that it falls to by a cosine
    # toRGB layers and the constant learn at the stage's rate: their weights are small, and a rate that suits
    # a fresh generator destroys a trained one. These say how much faster the other layers of the generator
    # learn, those at this stage's own resolution, and how fast the encoder.
    layers_pace: float = 1.0
    fresh_pace: float = 1.0
    encoder_pace: float = 1.0


@dataclass(frozen=True)
class Batch:
    """What a step sees. `z` is there only for a recipe that says it uses known codes."""

    images: Tensor  # [B, 3, R, R] in [-1, 1], at the generator's full resolution
    source: torch.Generator = field(repr=False)  # where a step's chances come from: seeded anew each step
    z: Tensor | None = None  # [B, K]

    def normal_like(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=self.source).to(like.device)


class Recipe(ABC):
    """One way of training the embedded networks."""

    name: str
    bundle_name: str
    title: str
    note: str  # what a bundle's reader must know of how it came about
    sampler: str  # whose scenes are drawn, see data.SAMPLERS
    known_codes: bool  # whether steps see the numbers that pictures were drawn from
    stages: tuple[Stage, ...]
    again: tuple[str, ...]  # the stages that a finished run does once more
    again_pace: float = 0.6  # of their rates: the first time, the full rate cost the first minutes' gain

    @abstractmethod
    def networks(self) -> Networks:
        """Untrained networks."""

    @abstractmethod
    def step(self, networks: Networks, stage: Stage, batch: Batch) -> tuple[Tensor, Facts]:
        """The loss of one batch, and figures for the log."""

    def settled(self, stage: Stage) -> tuple[str, ...]:
        """Networks that go on as their averaged ones when `stage` ends: it was the last to train them."""
        return ()

    def frozen(self, networks: Networks, stage: Stage) -> None:
        """Take what must not learn in `stage` out of a network that does; called after `trained` is set."""
        return None

    def finish(self, networks: Networks, images: Tensor) -> None:
        """What is fitted once after the last stage, on the averaged networks, from undisturbed pictures."""
        return None

    def from_known(self, average: Networks, z: Tensor) -> Tensor | None:
        """Codes [B, L, D] of known scenes, where a recipe has such a thing: a row of the contact sheet."""
        return None
