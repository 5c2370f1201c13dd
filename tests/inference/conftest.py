"""A tiny generator with random weights, in the real classes, for what does not depend on training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from inference.bundle import Bundle
from inference.effect_metric import measure_weights
from inference.encoders import ENCODERS
from inference.generators import GENERATORS
from inference.perceptual import Perceptual

SIZE = 32
torch.set_num_threads(1)


def make_tiny_bundle(seed: int = 0, **thresholds: float) -> Bundle:
    """A 32 px StyleGAN2 with an encoder and a perceptual network; about 0.3 M parameters."""
    torch.manual_seed(seed)
    generator = GENERATORS.build(
        "stylegan2",
        {
            "resolution": SIZE,
            "z_dim": 8,
            "code_dim": 16,
            "widths": {"4": 24, "8": 24, "16": 16, "32": 8},
            "mapping_layers": 2,
            "mapping_lr_multiplier": 1.0,
        },
    )
    with torch.no_grad():  # random toRGB layers would draw far outside [-1, 1]
        for name, parameter in generator.named_parameters():
            if ".rgb.weight" in name:
                parameter *= 0.12
    encoder = ENCODERS.build(
        "indomain",
        {
            "resolution": SIZE,
            "num_layers": generator.num_layers,
            "code_dim": 16,
            "hidden": 32,
            "widths": {"16": 16, "8": 24, "4": 24},
        },
    )
    return Bundle(
        name=f"tiny-{seed}",
        generator=generator,
        encoder=encoder,
        perceptual=Perceptual(net="attributes", resolution=SIZE, widths={"16": 8, "8": 8, "4": 8}, outputs=4),
        metric_weights=measure_weights(generator, samples=8).tolist(),
        thresholds={"null_floor": 0.01, "unrelated": 50.0, "out_of_domain": 100.0, **thresholds},
        metadata={"title": "random weights, for tests"},
    )


@pytest.fixture(scope="session")
def tiny() -> Bundle:
    return make_tiny_bundle()


@pytest.fixture(scope="session")
def other_tiny() -> Bundle:
    return make_tiny_bundle(seed=1)


@pytest.fixture
def made(tiny: Bundle) -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    """Codes `[n, L, D]` of the tiny generator and its pictures `[n, 3, 32, 32]`."""

    def make(n: int = 1, seed: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
        z = torch.randn(n, 8, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            codes = tiny.generator.mapping(z)
            return codes, tiny.generator.synthesis(codes).clamp(-1, 1)

    return make


@pytest.fixture
def direction_of(tiny: Bundle) -> Callable[..., object]:
    """Directions without pictures: from a difference `[L, D]`, or a random one."""
    from inference.finders import Direction

    def make(difference: np.ndarray | None = None, *, seed: int = 0, **changes: object) -> Direction:
        if difference is None:
            shape = (tiny.generator.num_layers, tiny.generator.code_dim)
            difference = np.random.default_rng(seed).normal(size=shape)
        step = float(np.linalg.norm(difference))
        start = np.zeros_like(difference, dtype=np.float32)
        fields = {
            "vector": (difference / step).astype(np.float32),
            "step": step,
            "space": "W+",
            "before_codes": start,
            "after_codes": difference.astype(np.float32),
            "digest": tiny.digest,
            "metric_weights": tiny.metric_weights.numpy(),
            "quality": {"verdict": None},
        }
        return Direction(**{**fields, **changes})

    return make
