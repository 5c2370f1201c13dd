"""Whether an entangled direction is taken apart into the right known ones, in the right amounts.

Known: the directions of the fourteen judged semantics on an embedded bundle, ten clean pairs each, encoder
only, averaged. Entangled ones are made in two ways, none from a picture that the known ones come from:

- *summed*: two or three averages of ten other people's pairs each, times their step and an amount from 0.5 to
  1.5;
- *drawn*: the average over five people of whom two or three attributes were changed at once in the drawing,
  each from its low to its high end, so that every amount ought to be 1; and the same from one person alone.

Right is a decomposition that names the attributes of the mixture and no other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from benchmarks import Measurement
from inference import Bundle, effect_metric
from inference.averaging.estimators import AVERAGERS, DEFAULT_METHOD
from inference.embedded import EMBEDDED
from inference.evaluation.judged import JUDGED
from inference.finders.decomposition import Decomposition, decompose
from inference.portraits import ATTRIBUTES, render_scene, scene
from inference.portraits.training.data import HELD_OUT_SEED, to_images

FIRST = HELD_OUT_SEED + 500_000
PEOPLE = 10  # pairs of each known direction, and of each summed part
TOGETHER = 5  # pairs of each drawn mixture
SUMMED = 200  # mixtures of each size
DRAWN = 60
ENDS = {attribute.name: (attribute.low, attribute.high) for attribute in ATTRIBUTES}
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Mixture:
    """What was mixed, how much of each, and the difference of codes `[L, D]` that it makes."""

    parts: tuple[int, ...]
    amounts: Floats  # [parts]
    difference: Floats  # [L, D]


def measurements() -> Iterator[Measurement]:
    """Share of right decompositions, amounts within a fifth, and the residual, on every embedded bundle."""
    for name in EMBEDDED:
        yield from _of(Bundle.load(name))


def _of(bundle: Bundle) -> Iterator[Measurement]:
    known, others = (known_differences(bundle, FIRST + start) for start in (0, 100))
    told = f"{len(JUDGED)} known, {PEOPLE} clean pairs each, encoder only, bundle {bundle.digest[:12]}"
    for size in (2, 3):
        for way, mixtures in (
            ("summed", summed(others, size, SUMMED, seed=size)),
            ("drawn", drawn(bundle, size, DRAWN, FIRST + 10_000 * size, TOGETHER)),
            ("drawn, one pair", drawn(bundle, size, DRAWN, FIRST + 10_000 * size + 5_000, 1)),
        ):
            results = [
                (mixture, decompose(mixture.difference, known, weights_of(bundle))) for mixture in mixtures
            ]
            name, count = f"{bundle.name}, {size} {way}", f"{len(mixtures)} mixtures; "
            right = float(np.mean([named(*pair) for pair in results]))
            yield Measurement(f"{name}: named", right, "share", count + mistakes(results))
            errors = np.concatenate([amount_errors(*pair) for pair in results])
            yield Measurement(f"{name}: median error of an amount", float(np.median(errors)), "share", told)
            yield Measurement(f"{name}: amounts within 20 %", float((errors <= 0.2).mean()), "share", told)
            residual = float(np.median([found.residual for _, found in results]))
            yield Measurement(f"{name}: residual", residual, "share", "of the length, median")


def mistakes(results: Sequence[tuple[Mixture, Decomposition]]) -> str:
    """Which attributes were missed and which named wrongly, and how often."""
    missed = Counter(JUDGED[k] for mixture, found in results for k in set(mixture.parts) - set(found.parts))
    wrong = Counter(JUDGED[k] for mixture, found in results for k in set(found.parts) - set(mixture.parts))
    told = [
        ", ".join(f"{name} {n}" for name, n in counts.most_common()) or "none" for counts in (missed, wrong)
    ]
    return f"missed: {told[0]}; wrongly named: {told[1]}"


def named(mixture: Mixture, found: Decomposition) -> bool:
    """Whether the attributes of the mixture were named, and no other."""
    return set(found.parts) == set(mixture.parts)


def amount_errors(mixture: Mixture, found: Decomposition) -> Floats:
    """How far each amount of a mixture is off, as a share of the true amount."""
    errors: Floats = np.abs(found.amounts[list(mixture.parts)] - mixture.amounts) / mixture.amounts
    return errors


def weights_of(bundle: Bundle) -> Floats:
    """The effect metric `[L]`."""
    return np.asarray(bundle.metric_weights, dtype=np.float64)


def known_differences(bundle: Bundle, first: int, people: int = PEOPLE) -> Floats:
    """Each judged semantic's averaged direction times its step, `[14, L, D]`; people from seed `first` on."""
    return np.stack([averaged(bundle, [name], first + 1000 * k, people) for k, name in enumerate(JUDGED)])


def averaged(bundle: Bundle, names: Sequence[str], first: int, people: int) -> Floats:
    """The average of `people` pairs in which `names` go from low to high, times its step, `[L, D]`."""
    before, after = ({name: ENDS[name][end] for name in names} for end in (0, 1))
    pictures = [
        render_scene(scene(values, seed), bundle.generator.resolution)
        for values in (before, after)
        for seed in range(first, first + people)
    ]
    with torch.no_grad():
        codes = bundle.encoder(to_images(np.stack(pictures)).to(bundle.device)).double().cpu().numpy()
    differences, weights = codes[people:] - codes[:people], weights_of(bundle)
    if people == 1:
        return np.asarray(differences[0], dtype=np.float64)
    averager = AVERAGERS.get(DEFAULT_METHOD)().fit(differences, weights)
    others = averager.leaving_each_out(differences, weights)
    along = effect_metric.inner(differences, others, weights)
    return averager.typical(along, effect_metric.norm(differences, weights)) * averager.direction_


def summed(differences: Floats, size: int, count: int, *, seed: int) -> list[Mixture]:
    """Random sums of `size` of the differences `[14, L, D]`."""
    source = np.random.default_rng(seed)
    mixtures = []
    for _ in range(count):
        parts = source.choice(len(differences), size=size, replace=False)
        amounts = source.uniform(0.5, 1.5, size)
        mixtures.append(
            Mixture(tuple(parts.tolist()), amounts, np.tensordot(amounts, differences[parts], axes=1))
        )
    return mixtures


def drawn(bundle: Bundle, size: int, count: int, first: int, people: int) -> list[Mixture]:
    """Mixtures of random attributes changed together in the drawing, `people` new ones each."""
    source = np.random.default_rng(first)
    mixtures = []
    for number in range(count):
        parts = sorted(source.choice(len(JUDGED), size=size, replace=False).tolist())
        names = [JUDGED[part] for part in parts]
        difference = averaged(bundle, names, first + number * people, people)
        mixtures.append(Mixture(tuple(parts), np.ones(size), difference))
    return mixtures
