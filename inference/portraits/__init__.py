"""Drawn Portraits: the project's own picture world, so that it needs no downloaded data and no real faces.

This package draws (numpy only). Training a generator in this world lives in `training`, its weights in
`bundle`.
"""

from __future__ import annotations

from .attributes import (
    ATTRIBUTE_NAMES,
    ATTRIBUTES,
    NUISANCE,
    SCENE_NAMES,
    SCENE_SIZE,
    Attribute,
    random_scenes,
    scene,
)
from .renderer import contact_sheet, region_mask, render, render_many, render_scene

__all__ = [
    "ATTRIBUTES",
    "ATTRIBUTE_NAMES",
    "NUISANCE",
    "SCENE_NAMES",
    "SCENE_SIZE",
    "Attribute",
    "contact_sheet",
    "random_scenes",
    "region_mask",
    "render",
    "render_many",
    "render_scene",
    "scene",
]
