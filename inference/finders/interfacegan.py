"""InterFaceGAN (Shen et al. 2020, "Interpreting the Latent Space of GANs for Semantic Face Editing").

A linear support vector machine parts the codes with an attribute from those without; the direction is the
unit normal n of the plane between them (section 3.1). An attribute is changed with others held by taking
their share out of the normal (section 3.2, conditional manipulation):

    n' = n - B (B^T B)^-1 B^T n      B: the others' normals as columns

Lengths and angles are those of the effect metric: for a direction that all layers share (space "W") that is
the paper's own Euclidean geometry. The paper takes C = 1; here C is what cross-validation prefers, because a
baseline gets its best. Which codes are labelled is not decided here: see labels.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import LinearSVC

from inference import effect_metric
from inference.errors import FinderError, ShapeError
from inference.finders.base import FINDERS, Array, check_space
from inference.finders.material import Material

CANDIDATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # codes are scaled to a spread of 1 first
FOLDS = 5


@FINDERS.register("interfacegan")
class InterFaceGAN:
    """One component, facing the labelled codes; its step is the distance between the classes' means along it.

    Args:
        space: "W" for a normal that all layers share, "W+" for one over all layers.
        candidates: values of C to choose from; the smallest of the equally good ones wins.
        conditioned_on: other directions `[L, D]` that an edit shall leave alone.
        seed: of the parting into folds.

    Learns besides what every finder does: `C_`, `accuracy_` (mean over the held-out folds).
    """

    needs: ClassVar[frozenset[str]] = frozenset({"labels"})
    components_: npt.NDArray[np.float32]  # [1, L, D]
    steps_: Array  # [1]
    explained_: Array  # [1]
    C_: float
    accuracy_: float

    def __init__(
        self,
        space: str = "W",
        candidates: Sequence[float] = CANDIDATES,
        conditioned_on: Sequence[npt.ArrayLike] = (),
        seed: int = 0,
    ) -> None:
        self.space = space
        self.candidates = candidates
        self.conditioned_on = conditioned_on
        self.seed = seed

    def fit(self, material: Material) -> Self:
        """Learn from codes and labels, at least two of each kind."""
        check_space(self.space)
        rows, labels = material.features(self.space), material.labels
        rarest = int(min(labels.sum(), (~labels).sum()))
        if rarest < 2:
            raise FinderError(
                f"{rarest} code of one kind",
                "at least two with and two without, so that C can be validated",
                "label more pictures, or use mean-difference",
                code="finder:labels",
            )
        spread = float(rows.std(axis=0).mean())  # one number for all axes: the geometry stays as it is
        if spread <= 0:
            raise FinderError("codes that are all the same", "codes that differ", code="finder:nothing")
        search = GridSearchCV(
            LinearSVC(dual=False, max_iter=10_000),
            {"C": sorted(self.candidates)},
            cv=StratifiedKFold(min(FOLDS, rarest), shuffle=True, random_state=self.seed),
        )
        search.fit((rows - rows.mean(axis=0)) / spread, labels)
        self.C_ = float(search.best_params_["C"])
        self.accuracy_ = float(search.best_score_)
        components = material.from_features(search.best_estimator_.coef_, self.space)
        if len(self.conditioned_on):
            components = projected(components[0], self.conditioned_on, material.weights)[None]
        self.components_ = components
        self.steps_ = material.gaps(components)
        self.explained_ = material.explained(components)
        return self


def projected(
    vector: npt.ArrayLike, others: Sequence[npt.ArrayLike], weights: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    """Conditional manipulation: `vector` `[L, D]` without its share in the span of `others`, unit `[L, D]`.

    Orthogonal to them in the effect metric with weights `[L]`. Raises FinderError when nothing is left.
    """
    target = np.asarray(vector, dtype=np.float64)
    scale = effect_metric.check_weights(weights, len(target))
    roots = np.sqrt(scale)[:, None]  # [L, 1]
    columns = [np.asarray(other, dtype=np.float64) for other in others]
    if any(column.shape != target.shape for column in columns):
        raise ShapeError(
            f"directions of shapes {[list(column.shape) for column in columns]}",
            f"{list(target.shape)}, as the direction to condition",
            code="shape:vector",
        )
    basis = np.stack([(column * roots).ravel() for column in columns], axis=1)  # [L * D, B]
    amounts = np.linalg.lstsq(basis, (target * roots).ravel(), rcond=None)[0]  # [B]
    left = target - np.tensordot(amounts, np.stack(columns), axes=1)
    if float(effect_metric.norm(left, scale)) < 1e-6 * float(effect_metric.norm(target, scale)):
        raise FinderError(
            "a direction that lies within those it is conditioned on",
            "one with something of its own",
            "condition on fewer directions",
            code="finder:conditioned",
        )
    unit: npt.NDArray[np.float32] = (left / np.linalg.norm(left)).astype(np.float32)
    return unit
