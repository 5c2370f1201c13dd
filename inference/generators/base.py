"""What every generator promises, and the register of families.

Holds no architecture.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from inference.errors import FinderError, ShapeError
from inference.registry import Registry


class Generator(nn.Module):
    """Latent numbers -> codes [B, L, D] (`mapping`), codes -> pictures in [-1, 1] (`synthesis`)."""

    family: str
    space: str
    resolution: int
    num_layers: int  # L
    code_dim: int  # D
    z_dim: int
    w_avg: Tensor  # [D]
    config: dict[str, Any]

    def mapping(
        self, z: Tensor, label: Tensor | None = None, truncation: float = 1.0, cutoff: int | None = None
    ) -> Tensor:
        """z [B, z_dim] -> codes [B, L, D]; `truncation` < 1 pulls the first `cutoff` layers to the mean."""
        raise NotImplementedError

    def synthesis(self, codes: Tensor, noise: str = "const") -> Tensor:
        """codes [B, L, D] -> images [B, 3, H, W], nominally in [-1, 1] (not clamped)."""
        raise NotImplementedError

    def style_weights(self) -> list[Tensor]:
        """How codes become styles: for each layer the matrix [S_l, D], as it acts, of what it modulates.

        Families whose codes modulate nothing have none, and refuse.
        """
        raise FinderError(
            f"the family {self.family!r}, whose codes are not styles",
            "a style-based generator",
            "use a finder that learns from codes, such as ganspace",
            code="finder:styles",
        )

    def check_codes(self, codes: Tensor) -> None:
        """Raise ShapeError unless codes are [B, L, D] floats of this generator."""
        wanted = (self.num_layers, self.code_dim)
        if codes.dim() != 3 or tuple(codes.shape[1:]) != wanted or not codes.is_floating_point():
            raise ShapeError(
                f"codes of shape {tuple(codes.shape)} and type {codes.dtype}",
                f"floating-point codes [B, {wanted[0]}, {wanted[1]}] of this {self.family} generator",
                "take codes from this bundle's own encoder, mapping or inversion",
                code="shape:codes",
            )

    def check_noise(self, noise: str) -> None:
        if noise not in ("const", "random", "none"):
            raise ShapeError(f"noise={noise!r}", "'const', 'random' or 'none'", code="shape:noise")

    def forward(self, z: Tensor) -> Tensor:
        """z [B, z_dim] -> images [B, 3, H, W]."""
        return self.synthesis(self.mapping(z))


GENERATORS: Registry[Generator] = Registry("generator")


def truncate(codes: Tensor, w_avg: Tensor, truncation: float, cutoff: int | None) -> Tensor:
    """Pull the first `cutoff` layers (all when None) of codes [B, L, D] toward w_avg [D]."""
    if truncation == 1.0:
        return codes
    layers = torch.arange(codes.shape[1], device=codes.device) < (cutoff or codes.shape[1])  # [L]
    pulled = w_avg + truncation * (codes - w_avg)
    return torch.where(layers[None, :, None], pulled, codes)
