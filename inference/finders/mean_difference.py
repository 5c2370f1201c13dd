"""The mean of the codes with an attribute minus the mean of those without: the simplest supervised finder.

    d = mean_{labelled} z - mean_{others} z

In space "W" all layers share the difference that is nearest to theirs in the effect metric, as for a pair;
in "W+" each layer has its own. What is correlated with the attribute among the labelled codes comes along:
that is for conditioning (interfacegan.py) or for balanced labels to cure, not for this module.
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from inference.finders.base import FINDERS, Array, check_space
from inference.finders.material import Material


@FINDERS.register("mean-difference")
class MeanDifference:
    """One component; its step is the distance between the two means along it."""

    needs: ClassVar[frozenset[str]] = frozenset({"labels"})
    components_: npt.NDArray[np.float32]  # [1, L, D]
    steps_: Array  # [1]
    explained_: Array  # [1]

    def __init__(self, space: str = "W") -> None:
        self.space = space

    def fit(self, material: Material) -> Self:
        """Learn from codes and labels."""
        check_space(self.space)
        codes, labels = material.codes, material.labels
        difference = codes[labels].mean(axis=0) - codes[~labels].mean(axis=0)  # [L, D]
        shared = self.space == "W"
        row = np.average(difference, axis=0, weights=material.weights) if shared else (
            difference * np.sqrt(material.weights)[:, None]
        ).reshape(-1)  # fmt: skip
        self.components_ = material.from_features(row[None], self.space)
        self.steps_ = material.gaps(self.components_)
        self.explained_ = material.explained(self.components_)
        return self
