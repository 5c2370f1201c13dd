"""SeFa (Shen & Zhou 2021, "Closed-Form Factorization of Latent Semantics in GANs").

A direction that moves the generator's styles most is found without any picture: the eigenvectors of A^T A
with the largest eigenvalues, where A are the affine weights by which codes become styles (equation 5). For
one group of layers their matrices are stacked, and an edit changes those layers only (section 4.1 looks at
bottom, middle and top ones). Codes serve for the length of a step alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from inference.errors import FinderError
from inference.finders.base import FINDERS, Array, check_count, check_layers, facing_one_way
from inference.finders.material import Material, on_layers


@FINDERS.register("sefa")
class SeFa:
    """`components` eigenvectors; a step is one standard deviation of the codes along it.

    Args:
        components: how many.
        layers: the group whose weights are factorised and which an edit changes; None is all.
        normalize: give each style channel the same weight (rows of A scaled to length 1), so that a few
            strong channels do not decide alone.

    Learns besides what every finder does: `eigenvalues_` `[K]`, as shares of their sum.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"styles"})
    components_: npt.NDArray[np.float32]  # [K, L, D]
    steps_: Array  # [K]
    explained_: Array  # [K]
    eigenvalues_: Array  # [K]

    def __init__(
        self, components: int = 10, layers: Sequence[int] | None = None, normalize: bool = True
    ) -> None:
        self.components = components
        self.layers = layers
        self.normalize = normalize

    def fit(self, material: Material) -> Self:
        """Learn from the generator's style weights."""
        count, width = material.shape
        wanted = check_count(self.components, width)
        layers = check_layers(self.layers, count)
        stacked = np.concatenate([material.styles[layer] for layer in layers])  # [S, D]
        if self.normalize:
            lengths = np.linalg.norm(stacked, axis=1, keepdims=True)
            stacked = np.divide(stacked, lengths, out=np.zeros_like(stacked), where=lengths > 0)
        values, vectors = np.linalg.eigh(stacked.T @ stacked)  # ascending
        if values[-1] <= 0:
            raise FinderError("style weights that are all 0", "a trained generator's", code="finder:styles")
        largest = np.argsort(values)[::-1][:wanted]
        self.eigenvalues_ = values[largest] / values.sum()
        self.components_ = on_layers(facing_one_way(vectors[:, largest].T), layers, count)
        self.steps_ = material.spreads(self.components_)
        self.explained_ = material.explained(self.components_)
        return self
