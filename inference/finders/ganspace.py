"""GANSpace (Haerkoenen et al. 2020, "GANSpace: Discovering Interpretable GAN Controls").

The principal components of a generator's own W codes, by falling variance (section 2.1); an edit may be
restricted to some layers (section 2.3, "E(v_i, j-k)"). Nobody labels anything, and a component means what
people see in it: this module names none. Codes are W: where layers differ, their weighted mean is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA

from inference.finders.base import FINDERS, Array, check_count, check_layers, facing_one_way
from inference.finders.material import Material, on_layers


@FINDERS.register("ganspace")
class GANSpace:
    """`components` principal components; a step is one standard deviation of the codes.

    Args:
        components: how many.
        layers: those that an edit changes; None is all.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    components_: npt.NDArray[np.float32]  # [K, L, D]
    steps_: Array  # [K]
    explained_: Array  # [K]

    def __init__(self, components: int = 10, layers: Sequence[int] | None = None) -> None:
        self.components = components
        self.layers = layers

    def fit(self, material: Material) -> Self:
        """Learn from codes alone."""
        rows = material.features("W")  # [N, D]
        count = check_count(self.components, min(rows.shape[1], len(rows) - 1))
        layers = check_layers(self.layers, material.shape[0])
        analysis = PCA(n_components=count, svd_solver="full").fit(rows)
        axes = facing_one_way(np.asarray(analysis.components_, dtype=np.float64))
        self.components_ = on_layers(axes, layers, material.shape[0])
        self.steps_ = material.spreads(self.components_)
        self.explained_ = material.explained(self.components_)
        return self
