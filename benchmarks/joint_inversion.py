"""What joint inversion of a pair costs beside two inversions apart, and whether five starts agree.

How good its directions are is measured by `python -m inference evaluate`, beside all other ways.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from benchmarks import Measurement
from inference import Bundle, descent, effect_metric, invert
from inference.inversion import code_spread
from inference.joint_inversion import invert_pair
from inference.portraits import ATTRIBUTE_NAMES, ATTRIBUTES, render_many, scene
from inference.portraits.training.data import HELD_OUT_SEED, to_images

CHANGES = ("smile", "glasses", "beard", "hair_length", "age_lines", "hair_colour", "mouth_open", "lipstick")
PAIR_PEOPLE = 500_000
MASKED = 6 / 127.5  # a pixel that one channel of moves by more belongs to the change
VISIBLE = 0.004  # of the picture: a change that shows on less (earrings under hair) is passed over
STEPS = 30


@dataclass(frozen=True)
class Drawn:
    """Pairs that differ in one attribute: pictures [n, 3, H, W] in [-1, 1]."""

    before: Tensor
    after: Tensor


def drawn_pairs(change: str, first: int, count: int, size: int) -> Drawn:
    """The first `count` held-out people from `first` on whose change can be seen."""
    presence = ATTRIBUTES[ATTRIBUTE_NAMES.index(change)].presence
    found: list[tuple[Tensor, Tensor]] = []
    seed = HELD_OUT_SEED + first + 1000 * ATTRIBUTE_NAMES.index(change)
    while len(found) < count:
        low, high = (scene({change: value}, seed) for value in (0.0 if presence else 0.05, 0.95))
        before, after = to_images(render_many(np.stack([low, high]), size)).chunk(2)
        if float(((after - before).abs().amax(dim=1) > MASKED).float().mean()) > VISIBLE:
            found.append((before, after))
        seed += 1
    return Drawn(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def cost(bundle: Bundle, pairs: Drawn, *, steps: int = 10) -> float:
    """Processor time of joint inversion over that of inverting both pictures, both without early ends."""
    both = torch.cat([pairs.before, pairs.after])
    seconds: dict[str, list[float]] = {"apart": [], "joint": []}
    with mock.patch.object(descent, "ENOUGH", -math.inf):
        for _ in range(3):
            for name in seconds:
                start = time.process_time()
                if name == "apart":
                    invert(bundle, both, steps=steps)
                else:
                    invert_pair(bundle, pairs.before, pairs.after, steps)
                seconds[name].append(time.process_time() - start)
    return min(seconds["joint"]) / min(seconds["apart"])


def five_starts(bundle: Bundle, pairs: Drawn, *, space: str, jitter: float = 0.05) -> list[float]:
    """Each pair's lowest cosine between differences found from five starts `jitter` spreads apart."""
    with torch.no_grad():
        codes = [bundle.encoder(images) for images in (pairs.before, pairs.after)]
    found = []
    for seed in range(5):
        noise = torch.Generator().manual_seed(seed)
        moved = [
            code + jitter * code_spread(bundle) * torch.randn(code.shape, generator=noise).to(code.device)
            for code in codes
        ]
        start = (moved[0], moved[1])
        found.append(
            invert_pair(bundle, pairs.before, pairs.after, STEPS, space=space, start=start).difference
        )
    numbers = torch.stack(found).double().cpu().numpy()  # [5, n, L, D]
    weights = bundle.metric_weights.numpy()
    cosines = [
        effect_metric.cosine(numbers[a], numbers[b], weights) for a, b in itertools.combinations(range(5), 2)
    ]
    return [float(value) for value in np.min(cosines, axis=0)]


def measurements() -> Iterator[Measurement]:
    """On the bundle that DIRECTION_COMMONS_BENCHMARK_BUNDLE names, else the embedded one."""
    bundle = Bundle.load(os.environ.get("DIRECTION_COMMONS_BENCHMARK_BUNDLE", "portraits"))
    drawn = [drawn_pairs(change, PAIR_PEOPLE, 1, bundle.generator.resolution) for change in CHANGES]
    pairs = Drawn(*(torch.cat([getattr(one, name) for one in drawn]) for name in ("before", "after")))
    told = f"processor time, {len(CHANGES)} pairs, bundle {bundle.digest[:12]}"
    yield Measurement("cost of joint over two inversions", cost(bundle, pairs), "x", told)
    for space in ("W", "W+"):
        lowest = five_starts(bundle, pairs, space=space)
        yield Measurement(
            f"five starts, {space}", float(np.median(lowest)), "cosine", f"{min(lowest):.3f} worst"
        )
