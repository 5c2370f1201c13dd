"""What every finder promises, and the register of them; each registers itself beside its definition.

A finder is an estimator as in scikit-learn: the constructor only stores its options, `fit(material)` learns.
All learn from one `Material` (see material.py) and say in `needs` what must be in it besides codes: "labels"
for supervised finders, "styles" for those that read the generator's weights. A new finder is a module here
with `@FINDERS.register` and a line in this package's `__init__`; the contract suite in
tests/inference/test_finders_contract.py runs over all that are registered.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from inference.errors import FinderError
from inference.finders.material import Material
from inference.registry import Registry

Array = npt.NDArray[np.float64]


class Finder(Protocol):
    """What every finder offers; K components, the most telling one first."""

    needs: ClassVar[frozenset[str]]  # of {"labels", "styles"}
    components_: npt.NDArray[np.float32]  # [K, L, D], unit in the plain norm
    steps_: Array  # [K], latent units along each component for intensity 1
    explained_: Array  # [K], share of the codes' variance (effect metric) that lies along each

    def fit(self, material: Material) -> Self: ...


FINDERS: Registry[Finder] = Registry("finder")


def check_count(count: int, most: int) -> int:
    """How many components are wanted: 1 to `most`."""
    whole = isinstance(count, numbers.Integral) and not isinstance(count, bool)
    if not whole or not 1 <= count <= most:
        raise FinderError(
            f"{count!r} components", f"a whole number from 1 to {most}", code="finder:components"
        )
    return int(count)


def check_layers(layers: Sequence[int] | None, count: int) -> list[int]:
    """The layers that a component may change, ascending; None is all `count` of them."""
    if layers is None:
        return list(range(count))
    chosen = sorted({int(layer) for layer in layers})
    if not chosen or chosen[0] < 0 or chosen[-1] >= count:
        raise FinderError(
            f"the layers {list(layers)}", f"at least one, from 0 to {count - 1}", code="finder:layers"
        )
    return chosen


def check_space(space: str) -> None:
    """Refuse anything but the two spaces that a finder works in."""
    if space not in ("W", "W+"):
        raise FinderError(f"the space {space!r}", "'W' or 'W+'", code="finder:space")


def facing_one_way(rows: Array) -> Array:
    """Rows `[K, F]`, each with the sign that makes its largest entry positive: a principal axis has none."""
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)  # [K, 1]
    return rows * np.where(largest < 0, -1.0, 1.0)
