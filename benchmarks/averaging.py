"""Ways to average ten pairs, on changes and people that no evidence is measured on: how one was chosen.

The attributes that are not among the fourteen judged ones; of each twenty people give pairs and twelve others
get the edit (seeds of the settings' own). Codes are the encoder's alone. *Edit share* is the share of the
error inside the change's mask that the edit closes, of what the face's own re-drawn change closes; *effect*
is the change of the judge's reading over that of the true pair, of attributes that the judge reads. The
default is also asked with two other steps: as far as codes go, and as far as pictures changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from benchmarks import Measurement
from inference import ATTRIBUTES, Bundle
from inference.averaging import CommunityDirection, average
from inference.averaging.community import shown_share
from inference.averaging.estimators import AVERAGERS, DEFAULT_METHOD
from inference.editing import edit, synthesise
from inference.embedded import EMBEDDED
from inference.evaluation.faces import read
from inference.evaluation.judge import Judge
from inference.evaluation.judged import JUDGED
from inference.evaluation.measure import READABLE, masked_error
from inference.finders.direction import Direction
from inference.finders.pair import direction_from_codes
from inference.inversion import invert
from inference.portraits import SCENE_NAMES, render_many, scene
from inference.portraits.training.data import HELD_OUT_SEED, to_images

PAIRS = 20
FACES = 12
SIZE = 10
DRAWS = 4
FIRST = HELD_OUT_SEED + 605_000
# name -> (averager, by what power of the share kept its step is multiplied)
WAYS = {
    **{name: (name, 0.0) for name in AVERAGERS.names()},
    f"{DEFAULT_METHOD}, as far as codes go": (DEFAULT_METHOD, 0.5),
    f"{DEFAULT_METHOD}, as far as pictures changed": (DEFAULT_METHOD, -0.5),
}
OTHERS = tuple(one for one in ATTRIBUTES if one.name not in JUDGED)


def measurements() -> Iterator[Measurement]:
    """Edit share and effect of every registered way, on every bundle that comes with the program."""
    for name in EMBEDDED:
        yield from _of(Bundle.load(name))


def _of(bundle: Bundle) -> Iterator[Measurement]:
    judge = Judge.load()
    shares: dict[str, list[float]] = {way: [] for way in WAYS}
    effects: dict[str, list[float]] = {way: [] for way in WAYS}
    source = np.random.default_rng(0)
    for number, attribute in enumerate(OTHERS):
        target = SCENE_NAMES.index(attribute.name)
        people = range(FIRST + 1000 * number, FIRST + 1000 * number + PAIRS + FACES)
        before, after = (
            to_images(render_many(np.stack([scene({attribute.name: end}, seed) for seed in people]), 128, 1))
            for end in (attribute.low, attribute.high)
        )
        pairs = _directions(bundle, before[:PAIRS], after[:PAIRS])
        draws = [source.permutation(len(pairs))[:SIZE] for _ in range(DRAWS)]
        before, after = before[PAIRS:], after[PAIRS:]
        base, own = invert(bundle, before, 0).codes, invert(bundle, after, 0).codes
        mask = (after - before).abs().amax(1, keepdim=True) > 8 / 127.5
        none, best = (masked_error(synthesise(bundle, codes), after, mask).sum() for codes in (base, own))
        read_base = read(judge, synthesise(bundle, base))[:, target].mean()
        true = (read(judge, after) - read(judge, before))[:, target].mean()
        for way in WAYS:
            edits = [edit(bundle, base, [(_averaged(pairs, draw, way), 1.0)]) for draw in draws]
            errors = [masked_error(images, after, mask).sum() for images in edits]
            shares[way].append(float((none - np.mean(errors)) / (none - best)))
            if judge.r2[target] >= READABLE:
                readings = [read(judge, images)[:, target].mean() for images in edits]
                effects[way].append(float((np.mean(readings) - read_base) / true))
    told = f"{bundle.name} {bundle.digest[:12]}"
    for way in WAYS:
        worst = OTHERS[int(np.argmin(shares[way]))].name
        lowest = f"worst {min(shares[way]):.2f} ({worst})"
        yield Measurement(f"{told}: {way}, edit share", float(np.mean(shares[way])), "", lowest)
        yield Measurement(
            f"{told}: {way}, effect",
            float(np.mean(effects[way])),
            "",
            f"{len(effects[way])} changes",
        )


def _directions(bundle: Bundle, before: torch.Tensor, after: torch.Tensor) -> list[Direction]:
    """One of each pair, in the order given; those that do not move are left out, as the platform does."""
    starts, ends = invert(bundle, before, 0), invert(bundle, after, 0)
    found = [
        direction_from_codes(bundle, starts[i], ends[i], before[i : i + 1], after[i : i + 1])
        for i in range(len(before))
    ]
    return [direction for direction in found if direction.step > 0]


def _averaged(pairs: list[Direction], draw: np.ndarray, way: str) -> CommunityDirection:
    method, power = WAYS[way]
    members = [pairs[i] for i in draw]
    found = average(members, method=method)
    return replace(found, step=found.step * shown_share(members) ** power)
