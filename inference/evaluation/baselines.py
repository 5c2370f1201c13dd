"""Published ways to find a direction, at their best, as the experiment asks them for a semantic.

All learn from codes of drawn people of the correlated population, as a generator's own world is, read by the
judge from their reconstructions: supervised ones from 2,000 labels (the clearest cases, as InterFaceGAN does)
or from 20 (ten pictures with and ten without, as a person would collect them), unsupervised ones from codes
or weights alone, after which the judge picks the best of their components. Steps are calibrated with the
judge on some of these codes: pairs know their own step, these do not, and are not to lose for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from inference.bundle import Bundle
from inference.editing import Movable, edit, synthesise
from inference.evaluation.faces import Faces, read
from inference.evaluation.judge import Judge
from inference.finders.component import Component
from inference.finders.discovery import find_components
from inference.finders.labels import extremes, some
from inference.portraits import SCENE_NAMES, render_many
from inference.portraits.populations import population
from inference.portraits.training.data import to_images

Array = npt.NDArray[np.float64]
COMPONENTS = 50
CALIBRATED_ON = 12  # codes
DRAWS = 3  # of twenty labels
FIRST_SAMPLE = 800_000  # a stream of its own
_FACTORS = (0.5, 1.0, 2.0)
_FINER = ((0.6, 0.77, 1.3, 1.6), (0.88, 0.94, 1.06, 1.13))


def read_samples(bundle: Bundle, judge: Judge, count: int, seed: int) -> tuple[Array, Array]:
    """Codes [N, L, D] of `count` drawn people, and the judge's readings [N, K] of their reconstructions."""
    scenes = population("correlated")(np.random.default_rng([seed, FIRST_SAMPLE]), count)
    codes, scores = [], []
    for part in np.split(scenes, range(64, count, 64)):
        images = to_images(render_many(part, bundle.generator.resolution))
        with torch.no_grad():
            found = bundle.encoder(images.to(bundle.device))
        codes.append(found.cpu().numpy())
        scores.append(read(judge, synthesise(bundle, found)))
    return np.concatenate(codes), np.concatenate(scores)


class Baselines:
    """What the published ways find in the same samples of one bundle."""

    def __init__(self, bundle: Bundle, judge: Judge, codes: Array, scores: Array, *, seed: int) -> None:
        """`codes` [N, L, D] and the judge's `scores` [N, K] of them, as `read_samples` makes them."""
        self.bundle = bundle
        self.judge = judge
        self.seed = seed
        self.codes = codes
        self.scores = scores
        self._found: dict[str, tuple[list[Component], Array]] = {}

    def supervised(self, finder: str, attribute: str, labels: int, faces: Faces) -> list[Movable]:
        """A labelled finder's direction; from few labels several draws of them."""
        target = SCENE_NAMES.index(attribute)
        draws = []
        for draw in range(1 if labels > 100 else DRAWS):
            scores = self.scores[:, target]
            chosen = extremes(scores, labels) if labels > 100 else some(scores, labels, seed=self.seed + draw)
            (found,) = find_components(
                self.bundle, finder, codes=self.codes[chosen[0]], labels=chosen[1], seed=self.seed
            )
            draws.append(self.calibrated(found, attribute, faces, (1,)))
        return draws

    def unsupervised(self, finder: str, attribute: str, faces: Faces) -> list[Movable]:
        """The component that, calibrated, changes the target with the least change of everything else."""
        if finder not in self._found:
            components = find_components(
                self.bundle,
                finder,
                {"components": most_components(self.bundle, len(self.codes))},
                codes=self.codes,
                seed=self.seed,
            )
            self._found[finder] = components, np.stack([self._moves(c) for c in components])
        components, moves = self._found[finder]
        purity = moves[:, SCENE_NAMES.index(attribute)] / (np.linalg.norm(moves, axis=1) + 1e-9)
        best = components[int(np.argmax(purity))]
        return [self.calibrated(best, attribute, faces, (-1, 1))]

    def _moves(self, component: Component) -> Array:
        """How far a component moves each reading, in sigma, whichever way: [K]."""
        codes = torch.from_numpy(self.codes[:CALIBRATED_ON])
        moved = self._read(codes, component, 1.0) - self._read(codes, component, -1.0)
        sizes: Array = np.abs(moved.mean(0) / self.judge.sigma.double().numpy())
        return sizes

    def calibrated(self, component: Component, attribute: str, faces: Faces, signs: Sequence[int]) -> Movable:
        """The component with the sign and step at which samples change as much as true pairs do."""
        target = SCENE_NAMES.index(attribute)
        wanted = float((faces.read_after - faces.read_before)[:, target].mean())
        codes = torch.from_numpy(self.codes[CALIBRATED_ON : 2 * CALIBRATED_ON])
        before = self._read(codes, component, 0.0)[:, target].mean()

        def nearest(factors: Sequence[float]) -> float:
            reached = [self._read(codes, component, factor)[:, target].mean() - before for factor in factors]
            return factors[int(np.argmin(np.abs(np.array(reached) - wanted)))]

        factor = nearest([sign * size for sign in signs for size in _FACTORS])
        for finer in _FINER:
            factor = nearest([factor, *(factor * by for by in finer)])
        return _Scaled(component, factor)

    def _read(self, codes: torch.Tensor, component: Component, intensity: float) -> Array:
        return read(self.judge, edit(self.bundle, codes, [(component, intensity)]))


def most_components(bundle: Bundle, samples: int) -> int:
    """Of how many components the best is taken: COMPONENTS, where there are so many."""
    return min(COMPONENTS, bundle.generator.code_dim, samples // 5)


class _Scaled:
    """A component with another step, negative ones turning it around."""

    def __init__(self, component: Component, factor: float) -> None:
        self.vector: npt.NDArray[np.float32] = component.vector * np.float32(np.sign(factor))
        self.step = component.step * abs(factor)
        self.digest = component.digest


SUPERVISED = ("mean-difference", "interfacegan")
UNSUPERVISED = ("ganspace", "sefa")
