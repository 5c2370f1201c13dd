"""Published ways to find a direction, at their best, as the experiment asks them for a semantic.

All learn from codes of drawn people of the correlated population, as a generator's own world is, read by the
judge from their reconstructions: supervised ones from 2,000 labels (the clearest cases, as InterFaceGAN does)
or from 20 (ten pictures with and ten without, as a person would collect them), unsupervised ones from codes
or weights alone, after which the judge chooses among their components. Steps are calibrated with the judge on
some of these codes: pairs know their own step, these do not, and are not to lose for it. Variants (W+ in
place of W, other semantics held, components on groups of layers; all with longer steps) are measured as ways
of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from inference.bundle import Bundle
from inference.editing import Movable, edit, synthesise
from inference.evaluation.faces import Faces, read
from inference.evaluation.judge import Judge
from inference.evaluation.judged import JUDGED
from inference.finders.component import Component
from inference.finders.discovery import find_components
from inference.finders.interfacegan import projected
from inference.finders.labels import extremes, some
from inference.portraits import SCENE_NAMES, render_many
from inference.portraits.populations import population
from inference.portraits.training.data import to_images

Array = npt.NDArray[np.float64]
COMPONENTS = 50
CALIBRATED_ON = 12  # codes
DRAWS = 3  # of twenty labels
FIRST_SAMPLE = 800_000  # a stream of its own
MANY = 100  # labels: below, a few pictures that a person collects
SPACES = ("W", "W+")
LAYERED, HELD, GROUPED = "one for each layer", "others held", "layer groups"  # variants of the published ways
GROUPS = 3  # of layers, beside all of them
SHORTLIST = 3  # components that are calibrated before one of them is chosen
_NEAR = (0.5, 1.0, 2.0)  # steps
_FAR = (*_NEAR, 4.0, 8.0)
_FINER = ((0.6, 0.77, 1.3, 1.6), (0.88, 0.94, 1.06, 1.13))
_FARTHEST = 14.0  # steps: as far as _FAR and these come


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
        self._labelled: dict[tuple[str, str, int, int, str], Component] = {}

    def supervised(
        self, finder: str, attribute: str, labels: int, faces: Faces, variant: str = ""
    ) -> list[Movable]:
        """A labelled finder's direction in one of its `variants`; from few labels several draws of them."""
        if variant:
            return [
                self.calibrated(self._variant(finder, attribute, labels, variant), attribute, faces, _FAR)
            ]
        draws = range(1 if labels > MANY else DRAWS)
        fitted = [self._fitted(finder, attribute, labels, draw, SPACES[0]) for draw in draws]
        return [self.calibrated(component, attribute, faces, _NEAR) for component in fitted]

    def variants(self, finder: str, labels: int) -> tuple[str, ...]:
        """How a labelled finder is asked: as published (""), and otherwise where there are labels enough."""
        if labels <= MANY:
            return ("",)
        held = (HELD,) if finder == "interfacegan" else ()
        return ("", *((LAYERED,) if len(self._spaces) > 1 else ()), *held)

    def _variant(self, finder: str, attribute: str, labels: int, variant: str) -> Component:
        found = self._fitted(finder, attribute, labels, 0, SPACES[variant == LAYERED])
        if variant != HELD:
            return found
        others = [self._fitted(finder, name, labels, 0, found.space) for name in JUDGED if name != attribute]
        vectors = [other.vector for other in others]
        return replace(found, vector=projected(found.vector, vectors, found.metric_weights))

    @property
    def _spaces(self) -> tuple[str, ...]:
        alike = bool((self.codes == self.codes[:, :1]).all())
        return SPACES[:1] if alike else SPACES

    def _fitted(self, finder: str, attribute: str, labels: int, draw: int, space: str) -> Component:
        key = (finder, attribute, labels, draw, space)
        if key not in self._labelled:
            scores = self.scores[:, SCENE_NAMES.index(attribute)]
            chosen = (
                extremes(scores, labels) if labels > MANY else some(scores, labels, seed=self.seed + draw)
            )
            (self._labelled[key],) = find_components(
                self.bundle,
                finder,
                {"space": space},
                codes=self.codes[chosen[0]],
                labels=chosen[1],
                seed=self.seed,
            )
        return self._labelled[key]

    def unsupervised(self, finder: str, attribute: str, faces: Faces, variant: str = "") -> list[Movable]:
        """A component, calibrated: of those that all layers share the one whose step changes the target with
        the least change of everything else; or (GROUPED) of those and of others on a group of layers, of
        the SHORTLIST with steps as long as they take, the one that the judge prefers."""
        key = f"{finder}, {variant}"
        if key not in self._found:
            count = most_components(self.bundle, len(self.codes))
            components = [
                component
                for layers in (None, *(self._groups if variant == GROUPED else ()))
                for component in find_components(
                    self.bundle,
                    finder,
                    {"components": count, "layers": layers},
                    codes=self.codes,
                    seed=self.seed,
                )
            ]
            self._found[key] = components, np.stack([self._moves(c) for c in components])
        components, moves = self._found[key]
        if variant == GROUPED:
            return [self._preferred(self._likeliest(components, moves, attribute, faces), attribute, faces)]
        purity = np.abs(moves[:, SCENE_NAMES.index(attribute)]) / (np.linalg.norm(moves, axis=1) + 1e-9)
        best = components[int(np.argmax(purity))]
        return [self.calibrated(best, attribute, faces, [sign * size for sign in (-1, 1) for size in _NEAR])]

    def _likeliest(
        self, components: Sequence[Component], moves: Array, attribute: str, faces: Faces
    ) -> list[Movable]:
        """The SHORTLIST that would come nearest to what true pairs change, if readings moved in proportion to
        the step; each turned the way it shall go."""
        moved = self._judged(moves)
        wanted = self._wanted(attribute, faces)
        which = JUDGED.index(attribute)
        along = np.where(np.abs(moved[:, which]) < 1e-6, 1e-6, moved[:, which])
        reach = np.clip(wanted[which] / along, -_FARTHEST, _FARTHEST)
        likely = np.argsort(np.linalg.norm(reach[:, None] * moved - wanted, axis=1))[:SHORTLIST]
        return [_Scaled(components[k], 1 if reach[k] > 0 else -1) for k in likely]

    @property
    def _groups(self) -> list[list[int]]:
        """The layers in GROUPS groups, from coarse to fine."""
        return [list(map(int, part)) for part in np.array_split(np.arange(self.codes.shape[1]), GROUPS)]

    def _moves(self, component: Component) -> Array:
        """How far a step of a component moves each reading, in sigma: [K]."""
        codes = torch.from_numpy(self.codes[:CALIBRATED_ON])
        moved = self._read(codes, component, 1.0) - self._read(codes, component, -1.0)
        steps: Array = moved.mean(0) / self.judge.sigma.double().numpy() / 2
        return steps

    def _judged(self, changes: Array) -> Array:
        """Of changes in sigma [..., K] those of the judged semantics: [..., 14]."""
        judged: Array = changes[..., [SCENE_NAMES.index(name) for name in JUDGED]]
        return judged

    def _wanted(self, attribute: str, faces: Faces) -> Array:
        """What true pairs change in the mean, [14] in sigma."""
        change = (faces.read_after - faces.read_before).mean(0)
        return self._judged(change / self.judge.sigma.double().numpy())

    def _preferred(self, components: Sequence[Movable], attribute: str, faces: Faces) -> Movable:
        """Of these, calibrated, the one whose change of all judged readings is nearest to true pairs'."""
        found = [self.calibrated(component, attribute, faces, _FAR) for component in components]
        codes = torch.from_numpy(self.codes[2 * CALIBRATED_ON : 3 * CALIBRATED_ON])
        base = read(self.judge, synthesise(self.bundle, codes))
        sigma, wanted = self.judge.sigma.double().numpy(), self._wanted(attribute, faces)

        def off(movable: Movable) -> float:
            change = (read(self.judge, edit(self.bundle, codes, [(movable, 1.0)])) - base) / sigma
            return float(np.linalg.norm(self._judged(change) - wanted, axis=1).mean())

        return min(found, key=off)

    def calibrated(
        self, component: Movable, attribute: str, faces: Faces, factors: Sequence[float]
    ) -> Movable:
        """The component with the step at which samples change as much as true pairs do; `factors` of its own
        are tried first, and then finer ones about the best of them."""
        target = SCENE_NAMES.index(attribute)
        wanted = float((faces.read_after - faces.read_before)[:, target].mean())
        codes = torch.from_numpy(self.codes[CALIBRATED_ON : 2 * CALIBRATED_ON])
        before = self._read(codes, component, 0.0)[:, target].mean()

        def nearest(factors: Sequence[float]) -> float:
            reached = [self._read(codes, component, factor)[:, target].mean() - before for factor in factors]
            return factors[int(np.argmin(np.abs(np.array(reached) - wanted)))]

        factor = nearest(factors)
        for finer in _FINER:
            factor = nearest([factor, *(factor * by for by in finer)])
        return _Scaled(component, factor)

    def _read(self, codes: torch.Tensor, component: Movable, intensity: float) -> Array:
        return read(self.judge, edit(self.bundle, codes, [(component, intensity)]))


def most_components(bundle: Bundle, samples: int) -> int:
    """Of how many components the best is taken: COMPONENTS, where there are so many."""
    return min(COMPONENTS, bundle.generator.code_dim, samples // 5)


class _Scaled:
    """A component with another step, negative ones turning it around."""

    def __init__(self, component: Movable, factor: float) -> None:
        self.vector: npt.NDArray[np.float32] = component.vector * np.float32(np.sign(factor))
        self.step = component.step * abs(factor)
        self.digest = component.digest


SUPERVISED = ("mean-difference", "interfacegan")
UNSUPERVISED = ("ganspace", "sefa")
