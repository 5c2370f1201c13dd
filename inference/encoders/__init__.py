"""Encoders: picture -> code, one module an encoder.

An encoder registers itself beside its class (`@ENCODERS.register("indomain")`). This package holds no
optimisation: the in-domain refinement of a code is `inference.inversion`.
"""

from __future__ import annotations

from inference.encoders.base import ENCODERS, Encoder
from inference.encoders.indomain import InDomainEncoder

__all__ = ["ENCODERS", "Encoder", "InDomainEncoder"]
