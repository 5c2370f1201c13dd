"""The sizes of the embedded networks. Chosen for a forward pass of at most 30 ms on two CPU cores."""

from __future__ import annotations

from inference.encoders import InDomainEncoder
from inference.generators import StyleGAN2Generator

RESOLUTION = 128
FEATURE_WIDTHS = {"64": 16, "32": 48, "16": 64, "8": 96, "4": 96}  # of the perceptual backbone


def make_generator(z_dim: int, code_dim: int) -> StyleGAN2Generator:
    """An untrained generator; w = Az + a small network of z."""
    return StyleGAN2Generator(
        resolution=RESOLUTION,
        widths={"4": 192, "8": 192, "16": 128, "32": 96, "64": 64, "128": 32},
        z_dim=z_dim,
        code_dim=code_dim,
        mapping_layers=3,
        mapping_hidden=256,
        mapping_lr_multiplier=1.0,
        normalize_z=False,
        linear_skip=True,
    )


def make_encoder(code_dim: int, per_layer: bool) -> InDomainEncoder:
    """An untrained encoder to W+ (`per_layer`) or to W."""
    return InDomainEncoder(
        resolution=RESOLUTION,
        widths={"64": 32, "32": 96, "16": 128, "8": 192, "4": 192},
        num_layers=12,
        code_dim=code_dim,
        hidden=384,
        per_layer=per_layer,
    )
