"""Directions among themselves: what lies near what, who does not belong, and two at once.

Results are plain numbers, ready for JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from inference import effect_metric
from inference.averaging import average
from inference.editing import Movable, edit
from inference.evaluation.experiment import Experiment
from inference.evaluation.faces import Faces, as_tensors, read
from inference.evaluation.figures import (
    SMALLER_IS_BETTER,
    Rows,
    cosine_between,
    cosine_within,
    interval,
    mislabel_auc,
    over_pairs,
    plain,
    purity,
)
from inference.evaluation.measure import masked_error
from inference.inversion import invert
from inference.portraits import SCENE_NAMES

WRONG_LABELS = 2  # directions of other semantics mixed among ten, for the mislabel figure
ENOUGH = 0.1  # of the error: where own inverted changes close less, no share of that is told

Figure = Callable[[Rows, str | None], float]  # of some rows, of all semantics (None) or of one


def among_themselves(
    experiment: Experiment, kind: str, semantics: Sequence[str], size: int = 10
) -> dict[str, Any]:
    """Cosines within and between semantics, 1-NN purity, mislabels found; intervals over draws of pairs."""
    weights = experiment.bundle.metric_weights.numpy()
    units: list[np.ndarray] = []
    labels: list[str] = []
    agreement: list[float] = []
    belongs: list[bool] = []
    for number, attribute in enumerate(semantics):
        pool = experiment.pairs(attribute, kind, size)
        units += [direction.vector for direction in pool]
        labels += [attribute] * len(pool)
        strangers = [
            experiment.pairs(semantics[(number + shift) % len(semantics)], kind, size)[shift]
            for shift in range(1, 1 + min(WRONG_LABELS, len(semantics) - 1, size - 1))
        ]
        agreement += average([*pool[: size - len(strangers)], *strangers]).member_cosines
        belongs += [True] * (size - len(strangers)) + [False] * len(strangers)
    cosines = np.stack([effect_metric.cosine(np.stack(units), unit, weights) for unit in units])
    names = np.asarray(labels)

    def some(rows: Rows, of: str | None) -> Rows:
        return rows if of is None else rows[names[rows] == of]

    figures: dict[str, Figure] = {
        "cosine_within": lambda rows, of: cosine_within(cosines, labels, some(rows, of)),
        "cosine_between": lambda rows, of: cosine_between(cosines, labels, rows, of),
        "purity": lambda rows, of: purity(cosines, labels, some(rows, of)),
    }
    found = _of_all_and_each(figures, labels, semantics, experiment)
    if not all(belongs):
        # strangers are drawn apart from the others, so that a draw has both kinds
        kinds = [f"{name} {own}" for name, own in zip(labels, belongs, strict=True)]
        told, own = np.array(agreement), np.array(belongs)

        def recognised(rows: Rows, of: str | None) -> float:
            chosen = some(rows, of)
            return mislabel_auc(told[chosen][own[chosen]].tolist(), told[chosen][~own[chosen]].tolist())

        found = _merged(found, _of_all_and_each({"mislabel_auc": recognised}, kinds, semantics, experiment))
    return found


def transfer(experiment: Experiment, kind: str, semantics: Sequence[str], size: int = 10) -> dict[str, Any]:
    """Leave-one-out: what the average of a pair's fellows does to the pair's own picture, at its own step.

    `transfer_cosine` to the pair's direction; `transfer_effect` as in figures.py; `transfer_edit_share`: the
    share of the error to the pair's own second picture that the fellows' average takes away, over the share
    that the pair's own inverted change does, each in the mean over the semantics. On the encoder's codes.
    Intervals are over the pairs asked, whose fellows stay as they are.
    """
    bundle, judge = experiment.bundle, experiment.judge
    labels: list[str] = []
    columns: dict[str, list[npt.NDArray[np.float64]]] = {}
    for attribute in semantics:
        pool = experiment.pairs(attribute, kind, size)
        examples = experiment.examples(attribute, kind, 0, size)
        before, after, mask = as_tensors(examples)
        base, own = (invert(bundle, images, 0) for images in (before, after))
        fellows = [average([*pool[:i], *pool[i + 1 :]]) for i in range(size)]
        moves = [(replace(fellow, step=pool[i].step), 1.0) for i, fellow in enumerate(fellows)]
        edited = torch.cat([edit(bundle, base.codes[i : i + 1], [moves[i]]).cpu() for i in range(size)])
        target = SCENE_NAMES.index(attribute)
        error = masked_error(base.images, after, mask)
        found = {
            "cosine": np.array(average(pool).member_cosines),
            "made": (read(judge, edited) - read(judge, base.images))[:, target],
            "true": (read(judge, after) - read(judge, before))[:, target],
            "error": error,
            "gained": error - masked_error(edited, after, mask),
            "possible": error - masked_error(own.images, after, mask),
        }
        for name, values in found.items():
            columns.setdefault(name, []).append(values)
        labels += [attribute] * size
    column = {name: np.concatenate(values) for name, values in columns.items()}
    names = np.asarray(labels)

    def share(of: str, over: str, rows: Rows, semantic: str | None) -> float:
        """One column's sum over another's: a semantic's, or the mean over all."""
        which = semantics if semantic is None else [semantic]
        parts = [rows[names[rows] == name] for name in which]
        return float(np.mean([column[of][part].sum() / column[over][part].sum() for part in parts]))

    figures: dict[str, Figure] = {
        "transfer_cosine": lambda rows, of: float(
            column["cosine"][rows if of is None else rows[names[rows] == of]].mean()
        ),
        "transfer_effect": partial(share, "made", "true"),
    }
    shares: dict[str, Figure] = {
        "transfer_edit_share": lambda rows, of: (
            share("gained", "error", rows, of) / share("possible", "error", rows, of)
        )
    }
    every = np.arange(len(labels))
    clear = [name for name in semantics if share("possible", "error", every, name) >= ENOUGH]
    return _merged(
        _of_all_and_each(figures, labels, semantics, experiment),
        _of_all_and_each(shares, labels, clear, experiment),
    )


def _of_all_and_each(
    figures: Mapping[str, Figure], labels: Sequence[str], semantics: Sequence[str], experiment: Experiment
) -> dict[str, Any]:
    """Each figure with its interval; under `each`, of every semantic; under `worst`, which one is that."""
    drawn = {"resamples": experiment.options.resamples, "seed": experiment.options.seed}

    def told(figure: Figure, of: str | None) -> dict[str, float]:
        return plain(over_pairs(lambda rows: figure(rows, of), labels, **drawn))

    found: dict[str, Any] = {name: told(figure, None) for name, figure in figures.items()}
    each = {of: {name: told(figure, of) for name, figure in figures.items()} for of in semantics}
    worst = {
        name: (max if name in SMALLER_IS_BETTER else min)(values, key=lambda of: values[of])
        for name in (figures if each else ())
        if (values := {of: one[name]["value"] for of, one in each.items()})
    }
    return {**found, "worst": worst, "each": each}


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of the same directions together; a semantic may lack some."""
    each = {of: {**figures, **second["each"].get(of, {})} for of, figures in first["each"].items()}
    return {**first, **second, "worst": {**first["worst"], **second["worst"]}, "each": each}


def themselves(experiment: Experiment, kind: str, semantics: Sequence[str], size: int = 10) -> dict[str, Any]:
    """Everything that is asked of single pairs' directions of one kind."""
    return _merged(
        among_themselves(experiment, kind, semantics, size), transfer(experiment, kind, semantics, size)
    )


def projections(
    experiment: Experiment, kind: str, semantics: Sequence[str], size: int = 10
) -> dict[str, Any]:
    """PCA and t-SNE of single pairs' unit directions in the effect metric, and the silhouette of both."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from sklearn.metrics import silhouette_samples

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

    def silhouette(of: npt.NDArray[np.float64], metric: str) -> dict[str, float]:
        """Each point's is among all points, also when some were drawn."""
        single = silhouette_samples(of, labels, metric=metric)
        drawn = {"resamples": experiment.options.resamples, "seed": experiment.options.seed}
        return plain(over_pairs(lambda rows: float(single[rows].mean()), labels, **drawn))

    return {
        "labels": labels,
        "pca": np.round(flat, 4).tolist(),
        "tsne": np.round(spread, 3).tolist(),
        "silhouette": silhouette(points, "cosine"),
        "silhouette_tsne": silhouette(spread, "euclidean"),
    }


def superposition(experiment: Experiment, semantics: Sequence[str]) -> dict[str, Any]:
    """Two ten-pair directions at once: the share of each one's single effect that is kept, mean and worst.

    Each semantic is taken together with the next that lies elsewhere in the list (its face is the same). The
    interval is over faces and over draws of the pairs.
    """
    bundle, judge, options = experiment.bundle, experiment.judge, experiment.options
    beside, alone = [], []  # of each semantic: change with the other there, and without it [P, N]
    for number, attribute in enumerate(semantics):
        other = semantics[(number + len(semantics) // 2) % len(semantics)]
        faces = experiment.faces(attribute)
        firsts = experiment.averages(attribute, "clean", 10)
        seconds = experiment.averages(other, "clean", 10)[: len(firsts)]
        target = SCENE_NAMES.index(attribute)

        def seen(
            moves: list[tuple[Movable, float]], faces: Faces = faces, target: int = target
        ) -> npt.NDArray[np.float64]:
            return read(judge, edit(bundle, faces.base.codes, moves))[:, target]

        both = [
            seen([(first, 1.0), (second, 1.0)]) - seen([(second, 1.0)])
            for first, second in zip(firsts, seconds, strict=True)
        ]
        beside.append(np.stack(both))
        alone.append(np.stack([seen([(first, 1.0)]) - faces.read_base[:, target] for first in firsts]))

    def kept(pick: Callable[[tuple[int, int]], Any]) -> list[float]:
        shares = []
        for both, single in zip(beside, alone, strict=True):
            rows = pick((len(both), both.shape[1]))
            shares.append(float(both[rows].mean() / single[rows].mean()))
        return shares

    rng = np.random.default_rng(options.seed)
    found = np.array(kept(lambda shape: np.ix_(range(shape[0]), range(shape[1]))))
    drawn = np.array(
        [
            kept(lambda shape: np.ix_(*(rng.choice(size, size) for size in shape)))
            for _ in range(options.resamples)
        ]
    )  # [resamples, semantics]
    each = {name: plain(interval(float(found[k]), drawn[:, k])) for k, name in enumerate(semantics)}
    worst = semantics[int(np.argmin(found))]
    return {
        "kept": plain(interval(float(found.mean()), drawn.mean(1))),
        "kept_worst": each[worst],
        "worst": worst,
        "each": each,
    }
