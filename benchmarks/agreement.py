"""By how much pairs of different changes agree by chance: what `directions/community/words.py` reads ρ with.

Four people for each attribute of the drawn portraits, everybody other people, one attribute from 0.05 to 0.95
each, encoder only. A pair whose code moves less
than saving a picture again does is left out, as it gives no direction. The cosines are in the effect metric;
those of *different* changes give mean and spread. Then series of n of these pairs, no two of one change, are
drawn: ρ of a series is the mean of its cosines, and one series in a hundred is beyond the 99th percentile,
which is where the line of chance ought to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from benchmarks import Measurement
from directions.community.words import chance
from inference import ATTRIBUTES, Bundle, effect_metric, invert, render

PEOPLE = 4
FIRST = 9_100_000
SERIES = (3, 6, 12)
DRAWS = 100_000
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """Pairs that moved, which lie by change: the attribute of each, and the cosine between any two."""

    changes: npt.NDArray[np.int64]  # [n]
    cosines: Floats  # [n, n]

    @property
    def different(self) -> Floats:
        """Each cosine between pairs of different changes, once."""
        first, second = np.triu_indices(len(self.changes), 1)
        found: Floats = self.cosines[first, second][self.changes[first] != self.changes[second]]
        return found

    @property
    def same(self) -> Floats:
        """Each cosine between two people's pairs of one change, once."""
        first, second = np.triu_indices(len(self.changes), 1)
        found: Floats = self.cosines[first, second][self.changes[first] == self.changes[second]]
        return found


def measurements() -> Iterator[Measurement]:
    """Mean, spread and number of the cosines, then ρ by chance."""
    bundle = Bundle.load("portraits")
    pairs = pairs_of(bundle, people=PEOPLE)
    different, same = pairs.different, pairs.same
    told = f"{len(pairs.changes)} pairs of {len(set(pairs.changes))} changes, bundle {bundle.digest[:12]}"
    yield Measurement("different changes, mean", float(different.mean()), "cosine", told)
    cosines = f"{len(different)} cosines"
    yield Measurement("different changes, spread", float(different.std()), "cosine", cosines)
    yield Measurement("one change, mean", float(same.mean()), "cosine", f"{len(same)} cosines")
    for size in SERIES:
        reached = float(np.percentile(series_agreement(pairs, size, draws=DRAWS), 99))
        line = f"the line: {chance(size):.3f}"
        yield Measurement(f"99 % of {size} unrelated pairs stay below", reached, "rho", line)


def pairs_of(bundle: Bundle, *, people: int, steps: int = 0) -> Pairs:
    """Nobody has two pairs, so that two pairs have nothing in common but the change, if that."""
    ends = [
        ({attribute.name: end}, FIRST + change * people + person)
        for change, attribute in enumerate(ATTRIBUTES)
        for person in range(people)
        for end in (0.05, 0.95)
    ]
    pictures = torch.from_numpy(np.stack([render(values, seed) for values, seed in ends]))
    images = pictures.to(bundle.device).permute(0, 3, 1, 2).float() / 127.5 - 1  # [2 n, 3, H, W]
    codes = torch.cat([invert(bundle, part, steps=steps).codes for part in torch.split(images, 16)])
    numbers = codes.double().cpu().numpy()  # [2 n, L, D]
    moved = numbers[1::2] - numbers[::2]
    weights = np.asarray(bundle.metric_weights, dtype=np.float64)
    lengths = np.asarray([effect_metric.norm(one, weights) for one in moved])
    counted = lengths >= float(bundle.thresholds["null_floor"])
    units = np.asarray(effect_metric.unit(moved[counted], weights))
    cosines = np.einsum("ild,jld,l->ij", units, units, weights, optimize=True)
    return Pairs(np.repeat(np.arange(len(ATTRIBUTES)), people)[counted], cosines)


def series_agreement(pairs: Pairs, size: int, *, draws: int, seed: int = 0) -> Floats:
    """ρ `[draws]` of so many series of `size` pairs that are all of different changes."""
    rng = np.random.default_rng(seed)
    changes = np.unique(pairs.changes)
    # For each series an order of all changes, and of each of the first `size` one pair.
    picked = np.argsort(rng.random((draws, len(changes))), axis=1)[:, :size]  # [draws, size]
    counts = np.asarray([(pairs.changes == change).sum() for change in changes])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])  # the pairs lie by change
    members = starts[picked] + (rng.random((draws, size)) * counts[picked]).astype(np.int64)
    total = np.zeros(draws)
    for first in range(size):
        for second in range(first + 1, size):
            total += pairs.cosines[members[:, first], members[:, second]]
    return total * 2 / (size * (size - 1))
