"""What joint inversion of a pair costs beside two inversions apart, and whether five starts agree.

How good its directions are is measured by `python -m inference evaluate`, beside all other ways.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Iterator
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from benchmarks import Measurement
from inference import Bundle, descent, effect_metric, invert
from inference.embedded import EMBEDDED
from inference.evaluation.pair_kinds import make_pair
from inference.inversion import code_spread
from inference.joint_inversion import invert_pair
from inference.portraits.training.data import HELD_OUT_SEED, to_images

CHANGES = ("smile", "glasses", "beard", "hair_length", "age_lines", "hair_colour", "mouth_open", "lipstick")
PAIR_PEOPLE = 500_000
STEPS = 30
Pairs = tuple[Tensor, Tensor]  # before and after, [n, 3, H, W] in [-1, 1]


def cost(bundle: Bundle, pairs: Pairs, *, steps: int = 10) -> float:
    """Processor time of joint inversion over that of inverting both pictures, both without early ends."""
    both = torch.cat([pairs[0], pairs[1]])
    seconds: dict[str, list[float]] = {"apart": [], "joint": []}
    with mock.patch.object(descent, "ENOUGH", -math.inf):
        for _ in range(3):
            for name in seconds:
                start = time.process_time()
                if name == "apart":
                    invert(bundle, both, steps=steps)
                else:
                    invert_pair(bundle, pairs[0], pairs[1], steps)
                seconds[name].append(time.process_time() - start)
    return min(seconds["joint"]) / min(seconds["apart"])


def five_starts(bundle: Bundle, pairs: Pairs, *, space: str, jitter: float = 0.05) -> list[float]:
    """Each pair's lowest cosine between differences found from five starts `jitter` spreads apart."""
    with torch.no_grad():
        codes = [bundle.encoder(images) for images in (pairs[0], pairs[1])]
    found = []
    for seed in range(5):
        noise = torch.Generator().manual_seed(seed)
        moved = [
            code + jitter * code_spread(bundle) * torch.randn(code.shape, generator=noise).to(code.device)
            for code in codes
        ]
        start = (moved[0], moved[1])
        found.append(invert_pair(bundle, pairs[0], pairs[1], STEPS, space=space, start=start).difference)
    numbers = torch.stack(found).double().cpu().numpy()  # [5, n, L, D]
    weights = bundle.metric_weights.numpy()
    cosines = [
        effect_metric.cosine(numbers[a], numbers[b], weights) for a, b in itertools.combinations(range(5), 2)
    ]
    return [float(value) for value in np.min(cosines, axis=0)]


def measurements() -> Iterator[Measurement]:
    """On the bundle that DIRECTION_COMMONS_BENCHMARK_BUNDLE names, else on every embedded one."""
    named = os.environ.get("DIRECTION_COMMONS_BENCHMARK_BUNDLE")
    drawn = [make_pair("clean", change, HELD_OUT_SEED + PAIR_PEOPLE) for change in CHANGES]
    pairs = (
        to_images(np.stack([pair.before for pair in drawn])),
        to_images(np.stack([pair.after for pair in drawn])),
    )
    for name in [named] if named else EMBEDDED:
        yield from _of(Bundle.load(name), pairs)


def _of(bundle: Bundle, pairs: Pairs) -> Iterator[Measurement]:
    weights = f"bundle {bundle.digest[:12]}"
    told = f"processor time, {len(pairs[0])} pairs, {weights}"
    yield Measurement(f"{bundle.name}, cost of joint over two inversions", cost(bundle, pairs), "x", told)
    for space in ("W", "W+"):
        lowest = five_starts(bundle, pairs, space=space)
        told = f"{min(lowest):.3f} worst, {weights}"
        yield Measurement(f"{bundle.name}, five starts, {space}", float(np.median(lowest)), "cosine", told)
