"""Ways to find a direction. `Direction` and `Component` are torch-free; finders are loaded when first used.

`FINDERS` here is the register with every finder in it; finders/base.py holds it empty.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inference.finders.component import Component as Component
from inference.finders.direction import Direction as Direction

if TYPE_CHECKING:
    from inference.finders.base import FINDERS as FINDERS
    from inference.finders.decomposition import Decomposition as Decomposition
    from inference.finders.decomposition import decompose as decompose
    from inference.finders.discovery import find_components as find_components
    from inference.finders.ganspace import GANSpace as GANSpace
    from inference.finders.interfacegan import InterFaceGAN as InterFaceGAN
    from inference.finders.material import Material as Material
    from inference.finders.mean_difference import MeanDifference as MeanDifference
    from inference.finders.pair import PairDifference as PairDifference
    from inference.finders.pair import direction_from_codes as direction_from_codes
    from inference.finders.pair import find_direction as find_direction
    from inference.finders.sefa import SeFa as SeFa

_HOME = {
    "PairDifference": "pair",
    "direction_from_codes": "pair",
    "find_direction": "pair",
    "MeanDifference": "mean_difference",
    "InterFaceGAN": "interfacegan",
    "GANSpace": "ganspace",
    "SeFa": "sefa",
    "Material": "material",
    "find_components": "discovery",
    "Decomposition": "decomposition",
    "decompose": "decomposition",
}
_FINDERS = ("mean_difference", "interfacegan", "ganspace", "sefa", "pair")


def __getattr__(name: str) -> Any:
    if name == "FINDERS":
        for module in _FINDERS:
            import_module(f"inference.finders.{module}")
        return import_module("inference.finders.base").FINDERS
    if name in _HOME:
        return getattr(import_module(f"inference.finders.{_HOME[name]}"), name)
    raise AttributeError(f"module 'inference.finders' has no attribute {name!r}")
