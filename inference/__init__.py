"""Latent directions from before/after pairs: the library, usable without any web server.

Importing this package loads no torch: each name is resolved from its module when it is first used,
so that a web process can import `inference.errors` or the drawn portraits and stay small.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "Attribute": "portraits",
    "ATTRIBUTES": "portraits",
    "render": "portraits",
    "AttributeNameError": "errors",
    "AttributeValueError": "errors",
    "AveragingError": "errors",
    "BundleError": "errors",
    "DirectionError": "errors",
    "FinderError": "errors",
    "ImageError": "errors",
    "InferenceError": "errors",
    "OptionError": "errors",
    "RegistryError": "errors",
    "ShapeError": "errors",
    "Bundle": "bundle",
    "Generator": "generators",
    "Encoder": "encoders",
    "Inversion": "inversion",
    "invert": "inversion",
    "reconstruction_error": "inversion",
    "Component": "finders",
    "Decomposition": "finders",
    "Direction": "finders",
    "decompose": "finders",
    "direction_from_codes": "finders",
    "find_components": "finders",
    "find_direction": "finders",
    "CommunityDirection": "averaging",
    "average": "averaging",
    "load_direction": "averaging",
    "edit": "editing",
    "strip": "editing",
    "read_image": "images",
    "to_uint8": "images",
    "write_image": "images",
}

__all__ = [*_HOME]

if TYPE_CHECKING:
    from inference.averaging import CommunityDirection as CommunityDirection
    from inference.averaging import average as average
    from inference.averaging import load_direction as load_direction
    from inference.bundle import Bundle as Bundle
    from inference.editing import edit as edit
    from inference.editing import strip as strip
    from inference.encoders import Encoder as Encoder
    from inference.errors import AttributeNameError as AttributeNameError
    from inference.errors import AttributeValueError as AttributeValueError
    from inference.errors import AveragingError as AveragingError
    from inference.errors import BundleError as BundleError
    from inference.errors import DirectionError as DirectionError
    from inference.errors import FinderError as FinderError
    from inference.errors import ImageError as ImageError
    from inference.errors import InferenceError as InferenceError
    from inference.errors import OptionError as OptionError
    from inference.errors import RegistryError as RegistryError
    from inference.errors import ShapeError as ShapeError
    from inference.finders import Component as Component
    from inference.finders import Decomposition as Decomposition
    from inference.finders import Direction as Direction
    from inference.finders import decompose as decompose
    from inference.finders import direction_from_codes as direction_from_codes
    from inference.finders import find_components as find_components
    from inference.finders import find_direction as find_direction
    from inference.generators import Generator as Generator
    from inference.images import read_image as read_image
    from inference.images import to_uint8 as to_uint8
    from inference.images import write_image as write_image
    from inference.inversion import Inversion as Inversion
    from inference.inversion import invert as invert
    from inference.inversion import reconstruction_error as reconstruction_error
    from inference.portraits import ATTRIBUTES as ATTRIBUTES
    from inference.portraits import Attribute as Attribute
    from inference.portraits import render as render


def __getattr__(name: str) -> Any:
    """Resolve an exported name; anything else is an ordinary AttributeError."""
    if name not in _HOME:
        raise AttributeError(f"module 'inference' has no attribute {name!r}")
    value = getattr(import_module(f"inference.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
