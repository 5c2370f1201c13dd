"""Directions of one clean pair: the encoder alone, two inversions apart, and joint inversion, side by side.

For each of several changes, a few people's drawn pairs (the attribute from its low to its high end, nothing
else) give a direction each, which is applied at its own length to other held-out faces of which the renderer
knows the true edited picture. Inside the attribute's mask (where the true edit changes the picture):

    edit share = (MSE of no edit - MSE of the edit) / (MSE of no edit - MSE of the face's own inverted change)

sums taken over a change's faces and pairs. Outside it, *leakage* is the mean absolute change that the edit
makes, as a share of the full range; of the own inverted change it says what re-inverting alone moves. *Error*
is the root of the mean squared distance to the true edited picture over all of it. Cosines are in the effect
metric, between pairs of one change and of different ones. Pairs, people and changes are not those on which
the weights of the terms were chosen. What is found here is told in docs/joint-inversion.md.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from benchmarks import Measurement
from inference import Bundle, descent, effect_metric, invert
from inference.editing import synthesise
from inference.inversion import code_spread
from inference.joint_inversion import invert_pair
from inference.portraits import ATTRIBUTE_NAMES, ATTRIBUTES, render_many, scene
from inference.portraits.training.data import HELD_OUT_SEED, to_images

CHANGES = ("smile", "glasses", "beard", "hair_length", "age_lines", "hair_colour", "mouth_open", "lipstick")
PAIRS, FACES = 3, 16
PAIR_PEOPLE, FACE_PEOPLE = 500_000, 400_000
MASKED = 6 / 127.5  # a pixel that one channel of moves by more belongs to the change
VISIBLE = 0.004  # of the picture: a change that shows on less (earrings under hair) is passed over
STEPS = 30


@dataclass(frozen=True)
class Drawn:
    """Pairs that differ in one attribute: pictures [n, 3, H, W] in [-1, 1], mask bool [n, 1, H, W]."""

    before: Tensor
    after: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Faces:
    """Faces to try directions on: codes [n, L, D] of the pictures before, and their errors in the mask."""

    drawn: Drawn
    codes: Tensor
    unedited: Tensor  # pictures of the codes
    own: Tensor  # pictures of the inverted pictures after


@dataclass(frozen=True)
class Score:
    """Of one change: what `measurements` averages."""

    share: float
    leakage: float
    error: float


def drawn_pairs(change: str, first: int, count: int, size: int) -> Drawn:
    """The first `count` held-out people from `first` on whose change can be seen."""
    presence = ATTRIBUTES[ATTRIBUTE_NAMES.index(change)].presence
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    seed = HELD_OUT_SEED + first + 1000 * ATTRIBUTE_NAMES.index(change)
    while len(found) < count:
        low, high = (scene({change: value}, seed) for value in (0.0 if presence else 0.05, 0.95))
        before, after = to_images(render_many(np.stack([low, high]), size)).chunk(2)
        mask = (after - before).abs().amax(dim=1, keepdim=True) > MASKED
        if float(mask.float().mean()) > VISIBLE:
            found.append((before, after, mask))
        seed += 1
    return Drawn(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def faces_of(
    bundle: Bundle, change: str, *, first: int = FACE_PEOPLE, count: int = FACES, steps: int
) -> Faces:
    drawn = drawn_pairs(change, first, count, bundle.generator.resolution)
    both = invert(bundle, torch.cat([drawn.before, drawn.after]), steps=steps)
    unedited, own = both.images.chunk(2)
    return Faces(drawn, both.codes[:count], unedited, own)


def score(bundle: Bundle, faces: Faces, differences: Tensor) -> Score:
    """Try differences [n, L, D] of n pairs on all faces."""
    mask = faces.drawn.mask.float()

    def inside(images: Tensor) -> float:
        squared = (images - faces.drawn.after).square() * mask
        return float((squared.sum(dim=(1, 2, 3)) / mask.sum(dim=(1, 2, 3))).mean())

    shares, leaks, errors = [], [], []
    for difference in differences:
        edited = synthesise(bundle, faces.codes + difference)
        none, own = inside(faces.unedited), inside(faces.own)
        shares.append((none - inside(edited)) / (none - own))
        moved = (edited - faces.unedited).abs().mean(dim=1, keepdim=True) / 2
        leaks.append(float(((moved * (1 - mask)).sum(dim=(1, 2, 3)) / (1 - mask).sum(dim=(1, 2, 3))).mean()))
        errors.append(float((edited - faces.drawn.after).square().mean().sqrt() / 2))
    return Score(*(sum(values) / len(values) for values in (shares, leaks, errors)))


Method = Callable[[Bundle, Drawn], Tensor]  # pairs of one or more changes -> differences [n, L, D]


def apart(steps: int) -> Method:
    """The paper's way: both pictures inverted by themselves, a difference for each layer."""

    def differences(bundle: Bundle, pairs: Drawn) -> Tensor:
        codes = invert(bundle, torch.cat([pairs.before, pairs.after]), steps=steps).codes
        return codes[len(pairs.before) :] - codes[: len(pairs.before)]

    return differences


def joint(space: str, steps: int = STEPS) -> Method:
    """Joint inversion."""

    def differences(bundle: Bundle, pairs: Drawn) -> Tensor:
        return invert_pair(bundle, pairs.before, pairs.after, steps, space=space).difference

    return differences


def in_w(method: Method) -> Method:
    """What `find_direction(space="W")` makes of it: the same in all layers, the nearest in the metric."""

    def differences(bundle: Bundle, pairs: Drawn) -> Tensor:
        found = method(bundle, pairs)
        share = (bundle.metric_weights / bundle.metric_weights.sum()).to(found.device)[:, None]
        return (found * share).sum(dim=1, keepdim=True).expand_as(found)

    return differences


METHODS: dict[str, Method] = {
    "encoder, W+": apart(0),
    "encoder, W": in_w(apart(0)),
    "apart, 30 steps, W+": apart(30),
    "apart, 30 steps, W": in_w(apart(30)),
    "apart, 100 steps, W+": apart(100),
    "apart, 100 steps, W": in_w(apart(100)),
    "joint, 30 steps, W": joint("W"),
    "joint, 30 steps, W+": joint("W+"),
}


def agreement(bundle: Bundle, found: Sequence[Tensor]) -> tuple[float, float]:
    """Mean cosine of pairs of one change, and of different ones. found: [n, L, D] for each change."""
    numbers = torch.cat(list(found)).double().cpu().numpy()
    weights = bundle.metric_weights.double().cpu().numpy()
    units = effect_metric.unit(numbers, weights)
    cosines = np.einsum("ild,jld,l->ij", units, units, weights)
    change = np.repeat(np.arange(len(found)), [len(one) for one in found])
    upper = np.triu(np.ones_like(cosines, dtype=bool), 1)
    same = change[:, None] == change[None, :]
    return float(cosines[upper & same].mean()), float(cosines[upper & ~same].mean())


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
    """The table for the bundle that DIRECTION_COMMONS_BENCHMARK_BUNDLE names, else the embedded one."""
    bundle = Bundle.load(os.environ.get("DIRECTION_COMMONS_BENCHMARK_BUNDLE", "portraits"))
    size = bundle.generator.resolution
    faces = [faces_of(bundle, change, steps=STEPS) for change in CHANGES]
    drawn = [drawn_pairs(change, PAIR_PEOPLE, PAIRS, size) for change in CHANGES]
    pairs = Drawn(
        *(torch.cat([getattr(one, field) for one in drawn]) for field in ("before", "after", "mask"))
    )
    told = f"{len(CHANGES)} changes, {PAIRS} pairs each, {FACES} faces, bundle {bundle.digest[:12]}"
    own = [score(bundle, one, torch.zeros_like(one.codes[:1])) for one in faces]
    yield Measurement("no edit, error", float(np.mean([one.error for one in own])), "", told)
    for name, method in METHODS.items():
        start = time.perf_counter()
        found = torch.split(method(bundle, pairs), PAIRS)
        seconds = time.perf_counter() - start
        scores = [score(bundle, one, differences) for one, differences in zip(faces, found, strict=True)]
        shares = [one.share for one in scores]
        worst = f"worst {CHANGES[int(np.argmin(shares))]} {min(shares):.2f}"
        within, between = agreement(bundle, found)
        yield Measurement(f"{name}: edit share", float(np.mean(shares)), "", worst)
        yield Measurement(f"{name}: leakage", float(np.mean([one.leakage for one in scores])), "of range", "")
        yield Measurement(f"{name}: error", float(np.mean([one.error for one in scores])), "of range", "")
        yield Measurement(f"{name}: cosine within", within, "", f"between {between:.3f}")
        yield Measurement(f"{name}: time a pair", seconds / len(pairs.before), "s", "")
    few = Drawn(pairs.before[::PAIRS], pairs.after[::PAIRS], pairs.mask[::PAIRS])
    yield Measurement("cost of joint over two inversions", cost(bundle, few), "x", "processor time")
    for space in ("W", "W+"):
        lowest = five_starts(bundle, few, space=space)
        yield Measurement(
            f"five starts, {space}", float(np.median(lowest)), "cosine", f"{min(lowest):.3f} worst"
        )
