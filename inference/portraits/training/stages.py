"""The stages of the supervised recipe: shares of the time and learning rates, as docs/portraits.md says."""

from __future__ import annotations

from dataclasses import dataclass

from inference.portraits.training.networks import RESOLUTION


@dataclass(frozen=True)
class Stage:
    """A share of the whole time at one resolution; `batch` is the whole batch over all processes."""

    name: str
    share: float
    batch: int
    lr: float
    resolution: int = RESOLUTION
    natural: float = 0.0  # share of the batch drawn as the world draws, without far-out scenes


STAGES = (
    Stage("perceptual", 0.05, 32, 6e-3),
    Stage("generator-32", 0.11, 32, 3e-2, 32),
    Stage("encoder", 0.15, 32, 3e-3),
    Stage("generator-64", 0.15, 16, 4e-3, 64),
    Stage("generator-128", 0.215, 16, 4e-3, natural=0.7),
    Stage("joint", 0.26, 16, 2.5e-3, natural=0.7),
    Stage("polish", 0.065, 16, 8e-4, natural=0.8),
)
AGAIN = ("joint", "polish")  # what a finished run does once more
AGAIN_PACE = 0.6  # of their learning rates: the first time, the full rate cost the first minutes' gain
PERCEPTUAL_WEIGHT = 0.1
