"""The ways in which an embedded generator can be trained, by name."""

from __future__ import annotations

from inference.portraits.training.known_codes import KnownCodes
from inference.portraits.training.label_free import LabelFree
from inference.portraits.training.recipe import Recipe

RECIPES: dict[str, type[Recipe]] = {KnownCodes.name: KnownCodes, LabelFree.name: LabelFree}
