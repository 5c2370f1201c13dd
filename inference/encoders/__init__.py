"""Encoders: picture -> code, one module an encoder.

An encoder registers itself beside its class (`@register_encoder("indomain")`). This package holds no
optimisation: the in-domain refinement of a code is `inference.inversion`.
"""

from __future__ import annotations

from inference.encoders.base import ENCODERS, Encoder, build_encoder, register_encoder
from inference.encoders.indomain import InDomainEncoder

__all__ = ["ENCODERS", "Encoder", "InDomainEncoder", "build_encoder", "register_encoder"]
