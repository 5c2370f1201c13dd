"""The sizes of the embedded networks. Chosen for a forward pass of at most 30 ms on two CPU cores."""

from __future__ import annotations

from typing import NamedTuple

from inference.encoders import InDomainEncoder
from inference.generators import StyleGAN2Generator
from inference.perceptual import Perceptual

RESOLUTION = 128
CODE_DIM = 128


class Networks(NamedTuple):
    generator: StyleGAN2Generator
    encoder: InDomainEncoder
    perceptual: Perceptual


def make_networks(scene_size: int) -> Networks:
    """Untrained networks for scenes of `scene_size` numbers; z is the centred scene itself."""
    generator = StyleGAN2Generator(
        resolution=RESOLUTION,
        widths={"4": 192, "8": 192, "16": 128, "32": 96, "64": 64, "128": 32},
        z_dim=scene_size,
        code_dim=CODE_DIM,
        mapping_layers=3,
        mapping_hidden=256,
        mapping_lr_multiplier=1.0,
        normalize_z=False,
        linear_skip=True,
    )
    encoder = InDomainEncoder(
        resolution=RESOLUTION,
        widths={"64": 32, "32": 96, "16": 128, "8": 192, "4": 192},
        num_layers=generator.num_layers,
        code_dim=CODE_DIM,
        hidden=384,
    )
    perceptual = Perceptual(
        net="attributes",
        resolution=RESOLUTION,
        widths={"64": 16, "32": 48, "16": 64, "8": 96, "4": 96},
        outputs=scene_size,
    )
    return Networks(generator, encoder, perceptual)
