"""Directions among themselves: what lies near what, who does not belong, and two at once.

Results are plain numbers, ready for JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

AMONG_THEMSELVES = {"cosine_within": cosine_within, "cosine_between": cosine_between, "purity": purity}
WRONG_LABELS = 2  # directions of other semantics mixed among ten, for the mislabel figure


def among_themselves(
    experiment: Experiment, kind: str, semantics: Sequence[str], size: int = 10
) -> dict[str, Any]:
    """Cosines within and between semantics, 1-NN purity, mislabels found; intervals over draws of pairs."""
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
    options = experiment.options
    drawn = {"resamples": options.resamples, "seed": options.seed}
    facts = {
        name: plain(over_pairs(partial(figure, cosines, labels), labels, **drawn))
        for name, figure in AMONG_THEMSELVES.items()
    }
    if wrong:
        agreement = np.array([*own, *wrong])
        truth = ["own"] * len(own) + ["wrong"] * len(wrong)

        def told(rows: Rows) -> float:
            right = np.asarray(truth)[rows] == "own"
            return mislabel_auc(agreement[rows][right].tolist(), agreement[rows][~right].tolist())

        facts["mislabel_auc"] = plain(over_pairs(told, truth, **drawn))
    return facts


def transfer(experiment: Experiment, kind: str, semantics: Sequence[str], size: int = 10) -> dict[str, Any]:
    """Leave-one-out: what the average of a pair's fellows does to the pair's own picture, at its own step.

    `transfer_cosine` to the pair's direction; `transfer_effect` and `transfer_edit_share` as in figures.py,
    on the encoder's codes and against the pair's own picture after. Intervals are over the pairs asked, whose
    fellows stay as they are.
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
            "gained": error - masked_error(edited, after, mask),
            "possible": error - masked_error(own.images, after, mask),
        }
        for name, values in found.items():
            columns.setdefault(name, []).append(values)
        labels += [attribute] * size
    column = {name: np.concatenate(values) for name, values in columns.items()}
    names = np.asarray(labels)

    def share(of: str, over: str, rows: Rows) -> float:
        """The mean over semantics of one column's sum over another's."""
        parts = [rows[names[rows] == name] for name in semantics]
        return float(np.mean([column[of][part].sum() / column[over][part].sum() for part in parts]))

    drawn = {"resamples": experiment.options.resamples, "seed": experiment.options.seed}
    figures: dict[str, Callable[[Rows], float]] = {
        "transfer_cosine": lambda rows: float(column["cosine"][rows].mean()),
        "transfer_effect": partial(share, "made", "true"),
        "transfer_edit_share": partial(share, "gained", "possible"),
    }
    return {name: plain(over_pairs(figure, labels, **drawn)) for name, figure in figures.items()}


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
    found = kept(lambda shape: np.ix_(range(shape[0]), range(shape[1])))
    drawn = [
        np.mean(kept(lambda shape: np.ix_(*(rng.choice(size, size) for size in shape))))
        for _ in range(options.resamples)
    ]
    return {
        "kept": plain(interval(float(np.mean(found)), np.array(drawn))),
        "kept_worst": round(min(found), 3),
        "worst": semantics[int(np.argmin(found))],
    }
