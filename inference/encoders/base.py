"""What every encoder promises, and the register of encoders. Refuses wrong pictures."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from inference.errors import ShapeError
from inference.registry import Registry


class Encoder(nn.Module):
    """images [B, 3, H, W] in [-1, 1] -> codes [B, L, D]."""

    family: str
    resolution: int
    num_layers: int  # L
    code_dim: int  # D
    config: dict[str, Any]

    def check_images(self, images: Tensor) -> None:
        """Raise ShapeError unless images are floats [B, 3, R, R]."""
        wanted = (3, self.resolution, self.resolution)
        if images.dim() != 4 or tuple(images.shape[1:]) != wanted or not images.is_floating_point():
            raise ShapeError(
                f"images of shape {tuple(images.shape)} and type {images.dtype}",
                f"floating-point images [B, 3, {self.resolution}, {self.resolution}] in [-1, 1]",
                "read and resize pictures with inference.read_image",
                code="shape:images",
            )


ENCODERS: Registry[Encoder] = Registry("encoder")
