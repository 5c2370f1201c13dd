"""Generators: code -> picture, one module a family.

A family registers itself beside its class (`@GENERATORS.register("stylegan2")`), so adding one touches one
file and the import list below. This package refuses to guess a family from the weights.
"""

from __future__ import annotations

from inference.generators.base import GENERATORS, Generator
from inference.generators.stylegan2 import StyleGAN2Generator

__all__ = ["GENERATORS", "Generator", "StyleGAN2Generator"]
