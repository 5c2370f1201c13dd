"""One bundle against the drawn truth: pairs of every kind, ways to find a direction, held-out faces, figures.

Every direction is applied at intensity 1 to faces that had no part in it. Pairs come from people of their own
(`FIRST_PAIR`), settings were chosen on others. Results are plain numbers, ready for JSON; pages and plots are
made in report.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inference import effect_metric
from inference.averaging import CommunityDirection, average
from inference.bundle import Bundle
from inference.editing import Movable, edit
from inference.errors import OptionError
from inference.evaluation.baselines import SUPERVISED, UNSUPERVISED, Baselines, most_components
from inference.evaluation.faces import Faces, held_out_faces, read
from inference.evaluation.figures import (
    FIGURES,
    SMALLER_IS_BETTER,
    Interval,
    Readings,
    mislabel_auc,
    over_semantics,
    paired_difference,
    purity,
    within_between,
)
from inference.evaluation.judge import Judge
from inference.evaluation.judged import JUDGED
from inference.evaluation.measure import measure
from inference.evaluation.pair_kinds import KINDS, make_pair
from inference.finders.direction import Direction
from inference.finders.pair import direction_from_codes
from inference.images import write_image
from inference.inversion import DEFAULT_STEPS, Inversion, invert
from inference.joint_inversion import invert_pair
from inference.portraits import SCENE_NAMES
from inference.portraits.training.data import HELD_OUT_SEED, to_images

FIRST_PAIR = HELD_OUT_SEED + 500_000
# How both pictures of a pair are inverted: name -> (what is done, the direction's space). "apart" and "joint"
# take the options' steps, "long" a hundred, as the paper does.
INVERSIONS = {
    "apart": ("apart", "W+"),
    "apart, W": ("apart", "W"),
    "encoder only": ("encoder", "W+"),
    "100 steps": ("long", "W+"),
    "joint": ("joint", "W"),
    "joint, W+": ("joint", "W+"),
}
WRONG_LABELS = 2  # directions of other semantics mixed among ten, for the mislabel figure

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How much is measured; the defaults are what docs/evidence/ holds."""

    faces: int = 32
    pairs: int = 30
    samples: int = 6000  # codes that baselines learn from
    inversions: tuple[str, ...] = ("apart, W", "encoder only", "100 steps", "joint", "joint, W+")
    steps: int = DEFAULT_STEPS
    semantics: tuple[str, ...] = JUDGED
    resamples: int = 400
    seed: int = 0


class Experiment:
    """What has been inverted and found so far, so that nothing is computed twice."""

    def __init__(self, bundle: Bundle, judge: Judge, options: Options, report: Report = print) -> None:
        unknown = sorted(set(options.semantics) - set(JUDGED))
        if unknown or options.pairs < 1 or options.faces < 2:
            raise OptionError(
                f"semantics {unknown or options.semantics}, {options.pairs} pairs, {options.faces} faces",
                f"some of {', '.join(JUDGED)}, at least 1 pair and 2 faces",
                code="option:evaluation",
            )
        self.bundle = bundle
        self.judge = judge
        self.options = options
        self.report = report
        self._faces: dict[str, Faces] = {}
        self._pairs: dict[tuple[str, str, str], list[Direction]] = {}
        self._baselines: Baselines | None = None

    def faces(self, attribute: str) -> Faces:
        """The held-out faces of a semantic."""
        if attribute not in self._faces:
            self.report(f"faces: {attribute}")
            self._faces[attribute] = held_out_faces(
                self.bundle, self.judge, attribute, self.options.faces, steps=self.options.steps
            )
        return self._faces[attribute]

    def pairs(self, attribute: str, kind: str, count: int, inversion: str = "apart") -> list[Direction]:
        """The directions of the first `count` pairs of a kind; see INVERSIONS for how they are inverted."""
        known = self._pairs.setdefault((attribute, kind, inversion), [])
        if len(known) < count:
            self.report(f"{kind} pairs, inverted {inversion}: {attribute}")
            first = FIRST_PAIR + 1000 * JUDGED.index(attribute)
            examples = [make_pair(kind, attribute, first + i) for i in range(len(known), count)]
            before = to_images(np.stack([example.before for example in examples]))
            after = to_images(np.stack([example.after for example in examples]))
            starts, ends, space = self._inverted(before, after, inversion)
            for i in range(len(examples)):
                pictures = before[i : i + 1], after[i : i + 1]
                known.append(direction_from_codes(self.bundle, starts[i], ends[i], *pictures, space=space))
        return known[:count]

    def _inverted(
        self, before: torch.Tensor, after: torch.Tensor, inversion: str
    ) -> tuple[Inversion, Inversion, str]:
        how, space = INVERSIONS[inversion]
        if how == "joint":
            found = invert_pair(self.bundle, before, after, self.options.steps, space=space)
            return found.before, found.after, space
        steps = {"encoder": 0, "long": 100}.get(how, self.options.steps)
        both = invert(self.bundle, torch.cat([before, after]), steps)
        return both[: len(before)], both[len(before) :], space

    @property
    def baselines(self) -> Baselines:
        """The published ways, with their samples of this generator."""
        if self._baselines is None:
            self.report("samples for the baselines")
            self._baselines = Baselines(self.bundle, self.judge, self.options.samples, self.options.seed)
        return self._baselines

    def averages(
        self, attribute: str, kind: str, size: int, inversion: str = "apart"
    ) -> list[CommunityDirection]:
        """Averages of disjoint groups of `size` pairs, as many as the pool gives (ten at most)."""
        groups = max(1, min(10, self.options.pairs // size))
        pool = self.pairs(attribute, kind, max(size, groups * size), inversion)
        return [average(pool[i * size : (i + 1) * size]) for i in range(groups)]

    def readings(
        self, find: Callable[[str], Sequence[Movable]], semantics: Sequence[str]
    ) -> dict[str, Readings]:
        """What a way of finding directions gives on the held-out faces of each semantic."""
        return {
            attribute: measure(self.bundle, self.judge, self.faces(attribute), find(attribute))
            for attribute in semantics
        }


Find = Callable[[str], Sequence[Movable]]


def ways_to_find(experiment: Experiment) -> dict[str, tuple[Find, tuple[str, ...]]]:
    """Ways to find directions: name -> (find, the semantics that it can be asked for)."""
    options, semantics = experiment.options, experiment.options.semantics

    def of(kind: str, size: int, inversion: str = "apart") -> tuple[Find, tuple[str, ...]]:
        able = tuple(name for name in semantics if name in KINDS[kind])
        return lambda attribute: experiment.averages(attribute, kind, size, inversion), able

    ways = {f"{size} clean": of("clean", size) for size in (1, 3, 10, 30) if size <= options.pairs}
    ways |= {f"{size} crude": of("crude", size) for size in (1, 10) if size <= options.pairs}
    if options.pairs >= 10:
        ways["10 painted"] = of("painted", 10)
    if options.pairs >= 30:
        ways["30 two photos"] = of("two_photos", 30)

    for inversion in options.inversions:
        for size in (1, 10):
            if size <= options.pairs:
                ways[f"{size} clean, {inversion}"] = of("clean", size, inversion)

    def supervised(finder: str, labels: int) -> Find:
        return lambda name: experiment.baselines.supervised(finder, name, labels, experiment.faces(name))

    def unsupervised(finder: str) -> Find:
        return lambda name: experiment.baselines.unsupervised(finder, name, experiment.faces(name))

    many = min(2000, options.samples // 6 * 2)
    for labels in (many, 20):
        for finder in SUPERVISED:
            ways[f"{finder}, {labels} labels"] = supervised(finder, labels), semantics
    count = most_components(experiment.bundle, options.samples)
    ways |= {f"{name}, best of {count}": (unsupervised(name), semantics) for name in UNSUPERVISED}
    return {name: way for name, way in ways.items() if way[1]}


def figures_of(readings: Mapping[str, Readings], options: Options) -> dict[str, Any]:
    """Every figure's mean over semantics, worst semantic and single values, with intervals."""
    results = {}
    for name, figure in FIGURES.items():
        mean, each = over_semantics(readings, figure, resamples=options.resamples, seed=options.seed)
        worst = (max if name in SMALLER_IS_BETTER else min)(each, key=lambda k: each[k].value)
        results[name] = {
            "mean": _plain(mean),
            "worst": {"semantic": worst, **_plain(each[worst])},
            "each": {semantic: _plain(interval) for semantic, interval in each.items()},
        }
    return results


def paired(found: Mapping[str, Mapping[str, Readings]], options: Options) -> dict[str, Any]:
    """Each other inversion of the same pairs minus the default one, on the same faces and draws."""
    results = {}
    for inversion in options.inversions:
        for name in found:
            base = name.removesuffix(f", {inversion}")
            if base != name and base in found:
                results[f"{name} − {base}"] = {
                    figure: _plain(
                        paired_difference(
                            found[name], found[base], FIGURES[figure], resamples=options.resamples
                        )
                    )
                    for figure in ("edit_share", "effect", "excess_entanglement", "leakage")
                }
    return results


def among_themselves(
    experiment: Experiment, kind: str, semantics: Sequence[str], size: int = 10
) -> dict[str, float]:
    """Cosines within and between semantics, 1-NN purity, agreement with the others, mislabels found."""
    weights = experiment.bundle.metric_weights.numpy()
    units: list[np.ndarray] = []
    labels: list[str] = []
    own: list[float] = []
    wrong: list[float] = []
    for number, attribute in enumerate(semantics):
        pool = experiment.pairs(attribute, kind, size)
        units += [direction.vector for direction in pool]
        labels += [attribute] * len(pool)
        strangers = [
            experiment.pairs(semantics[(number + shift) % len(semantics)], kind, size)[shift]
            for shift in range(1, 1 + min(WRONG_LABELS, len(semantics) - 1, size - 1))
        ]
        mixed = average([*pool[: size - len(strangers)], *strangers]).member_cosines
        own += mixed[: size - len(strangers)]
        wrong += mixed[size - len(strangers) :]
    cosines = np.stack([effect_metric.cosine(np.stack(units), unit, weights) for unit in units])
    within, between = within_between(cosines, labels)
    facts = {"cosine_within": within, "cosine_between": between, "purity": purity(cosines, labels)}
    if wrong:
        facts["mislabel_auc"] = mislabel_auc(own, wrong)
    return {name: round(value, 4) for name, value in facts.items()}


def _plain(interval: Interval) -> dict[str, float]:
    return {"value": round(interval.value, 4), "low": round(interval.low, 4), "high": round(interval.high, 4)}


def projections(
    experiment: Experiment, kind: str, semantics: Sequence[str], size: int = 10
) -> dict[str, Any]:
    """PCA and t-SNE of single pairs' unit directions in the effect metric, and the silhouette of both."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from sklearn.metrics import silhouette_score

    weights = experiment.bundle.metric_weights.numpy()
    rows, labels = [], []
    for attribute in semantics:
        pool = experiment.pairs(attribute, kind, size)
        units = effect_metric.unit(np.stack([direction.vector for direction in pool]), weights)
        rows.append((units * np.sqrt(weights)[:, None]).reshape(len(pool), -1))
        labels += [attribute] * len(pool)
    points = np.concatenate(rows)
    flat = PCA(2, random_state=0).fit_transform(points)
    near = TSNE(2, metric="cosine", init="random", perplexity=min(10, len(points) / 4), random_state=0)
    spread = near.fit_transform(points)
    return {
        "labels": labels,
        "pca": np.round(flat, 4).tolist(),
        "tsne": np.round(spread, 3).tolist(),
        "silhouette": round(float(silhouette_score(points, labels, metric="cosine")), 3),
        "silhouette_tsne": round(float(silhouette_score(spread, labels)), 3),
    }


def superposition(experiment: Experiment, semantics: Sequence[str]) -> dict[str, float]:
    """Two ten-pair directions at once: the share of each one's single effect that is kept, mean and worst.

    Each semantic is taken together with the next that lies elsewhere in the list (its face is the same).
    """
    bundle, judge = experiment.bundle, experiment.judge
    kept = []
    for number, attribute in enumerate(semantics):
        other = semantics[(number + len(semantics) // 2) % len(semantics)]
        faces = experiment.faces(attribute)
        first = experiment.averages(attribute, "clean", 10)[0]
        second = experiment.averages(other, "clean", 10)[0]
        target = SCENE_NAMES.index(attribute)
        alone = read(judge, edit(bundle, faces.base.codes, [(first, 1.0)]))[:, target]
        without = read(judge, edit(bundle, faces.base.codes, [(second, 1.0)]))[:, target]
        both = read(judge, edit(bundle, faces.base.codes, [(first, 1.0), (second, 1.0)]))[:, target]
        kept.append(float((both - without).mean() / (alone - faces.read_base[:, target]).mean()))
    return {"kept": round(float(np.mean(kept)), 3), "kept_worst": round(min(kept), 3)}


def comparison(experiment: Experiment, attribute: str, ways: Mapping[str, Sequence[Movable]]) -> torch.Tensor:
    """Rows of pictures of the first eight faces, one tall picture `[3, H, W]`: without the change, truly with
    it, as the bundle inverts that, and edited by the first direction of each way."""
    faces = experiment.faces(attribute)
    count = min(8, len(faces.before))
    rows = [faces.before[:count], faces.after[:count], faces.own.images[:count].cpu()]
    for found in ways.values():
        rows.append(edit(experiment.bundle, faces.base.codes[:count], [(found[0], 1.0)]).cpu())
    return torch.cat([torch.cat(list(row), 2) for row in rows], 1)


def run(
    bundle: Bundle, judge: Judge, options: Options, folder: Path, report: Report = print
) -> dict[str, Any]:
    """The whole experiment; strips go into `folder` as they are made, the rest comes back as numbers."""
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    experiment = Experiment(bundle, judge, options, report)
    ways = ways_to_find(experiment)
    methods, found = {}, {}
    for name, (find, semantics) in ways.items():
        report(f"measuring: {name}")
        found[name] = experiment.readings(find, semantics)
        methods[name] = figures_of(found[name], options)
    for attribute in options.semantics:
        shown = {name: find(attribute) for name, (find, able) in ways.items() if attribute in able}
        write_image(folder / f"strip-{attribute}.png", comparison(experiment, attribute, shown)[None])
    few = min(10, options.pairs)
    kinds = {"clean": options.semantics, "crude": tuple(n for n in options.semantics if n in KINDS["crude"])}
    return {
        "bundle": {
            "name": bundle.name,
            "title": str(bundle.metadata.get("title", bundle.name)),
            "note": str(bundle.metadata.get("note", "")),
            "digest": bundle.digest,
        },
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "options": asdict(options),
        "methods": methods,
        "paired": paired(found, options),
        "themselves": {
            kind: among_themselves(experiment, kind, names, few) for kind, names in kinds.items() if names
        },
        "projection": projections(experiment, "clean", options.semantics, few),
        "superposition": superposition(experiment, options.semantics),
        "judge": {"R2": {n: round(float(judge.r2[SCENE_NAMES.index(n)]), 3) for n in JUDGED}},
        "seconds": round(time.monotonic() - started, 1),
    }
