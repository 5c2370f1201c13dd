"""Published ways to find a direction, at their best, as the experiment asks them for a semantic.

All learn from the generator's own samples, read by the judge: supervised ones from 2,000 labels (the clearest
cases of all samples, as InterFaceGAN does) or from 20 (ten pictures with and ten without, as a person would
collect them), unsupervised ones from codes or weights alone, after which the judge picks the best of their
components. Steps are calibrated with the judge on samples of the generator: a pair knows its own step, these
do not, and are not to lose for it.
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
from inference.finders.discovery import draw_codes, find_components
from inference.finders.labels import extremes, some
from inference.portraits import SCENE_NAMES

Array = npt.NDArray[np.float64]
COMPONENTS = 50
CALIBRATED_ON = 24  # samples
_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
_FINER = ((0.6, 0.77, 1.0, 1.3, 1.6), (0.88, 0.94, 1.0, 1.06, 1.13))


class Baselines:
    """The samples that all baselines of one bundle learn from, read once."""

    def __init__(self, bundle: Bundle, judge: Judge, samples: int = 6000, seed: int = 0) -> None:
        self.bundle = bundle
        self.judge = judge
        self.seed = seed
        self.codes = draw_codes(bundle, samples, seed)  # [N, L, D]
        parts = torch.split(torch.from_numpy(self.codes), 64)
        self.scores = np.concatenate([read(judge, synthesise(bundle, part)) for part in parts])  # [N, K]
        self._found: dict[str, list[Component]] = {}

    def supervised(self, finder: str, attribute: str, labels: int, faces: Faces) -> list[Movable]:
        """A labelled finder's direction; from few labels several draws of them."""
        target = SCENE_NAMES.index(attribute)
        draws = []
        for draw in range(1 if labels > 100 else 5):
            scores = self.scores[:, target]
            chosen = extremes(scores, labels) if labels > 100 else some(scores, labels, seed=self.seed + draw)
            (found,) = find_components(
                self.bundle, finder, codes=self.codes[chosen[0]], labels=chosen[1], seed=self.seed
            )
            draws.append(self.calibrated(found, attribute, faces))
        return draws

    def unsupervised(self, finder: str, attribute: str, faces: Faces) -> list[Movable]:
        """The component that, calibrated, changes the target with the least change of everything else."""
        if finder not in self._found:
            count = min(COMPONENTS, self.bundle.generator.code_dim)
            self._found[finder] = find_components(
                self.bundle, finder, {"components": count}, codes=self.codes, seed=self.seed
            )
        target = SCENE_NAMES.index(attribute)
        codes = torch.from_numpy(self.codes[:CALIBRATED_ON])
        sigma = self.judge.sigma.double().numpy()
        purity = []
        for component in self._found[finder]:
            moved = (self._read(codes, component, 1.0) - self._read(codes, component, -1.0)) / sigma
            means = np.abs(moved.mean(0))
            purity.append(means[target] / (np.linalg.norm(means) + 1e-9))
        best = self._found[finder][int(np.argmax(purity))]
        return [self.calibrated(best, attribute, faces)]

    def calibrated(self, component: Component, attribute: str, faces: Faces) -> Movable:
        """The component with the sign and step at which samples change as much as true pairs do."""
        target = SCENE_NAMES.index(attribute)
        wanted = float((faces.read_after - faces.read_before)[:, target].mean())
        codes = torch.from_numpy(self.codes[CALIBRATED_ON : 2 * CALIBRATED_ON])
        before = self._read(codes, component, 0.0)[:, target].mean()

        def nearest(factors: Sequence[float]) -> float:
            reached = [self._read(codes, component, factor)[:, target].mean() - before for factor in factors]
            return factors[int(np.argmin(np.abs(np.array(reached) - wanted)))]

        factor = nearest([sign * size for sign in (-1, 1) for size in _FACTORS])
        for finer in _FINER:
            factor = nearest([factor * by for by in finer])
        return _Scaled(component, factor)

    def _read(self, codes: torch.Tensor, component: Component, intensity: float) -> Array:
        return read(self.judge, edit(self.bundle, codes, [(component, intensity)]))


class _Scaled:
    """A component with another step, negative ones turning it around."""

    def __init__(self, component: Component, factor: float) -> None:
        self.vector: npt.NDArray[np.float32] = component.vector * np.float32(np.sign(factor))
        self.step = component.step * abs(factor)
        self.digest = component.digest


SUPERVISED = {
    f"{finder}, {labels} labels": (finder, labels)
    for labels in (2000, 20)
    for finder in ("mean-difference", "interfacegan")
}
UNSUPERVISED = ("ganspace", "sefa")
