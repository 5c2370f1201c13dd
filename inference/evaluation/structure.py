"""Directions among themselves: what lies near what, who does not belong, and two at once.

Results are plain numbers, ready for JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from inference import effect_metric
from inference.averaging import average
from inference.editing import edit
from inference.evaluation.experiment import Experiment
from inference.evaluation.faces import read
from inference.evaluation.figures import mislabel_auc, purity, within_between
from inference.portraits import SCENE_NAMES

WRONG_LABELS = 2  # directions of other semantics mixed among ten, for the mislabel figure


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
