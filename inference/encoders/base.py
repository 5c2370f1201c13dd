"""What every encoder promises, and the register of encoders. Refuses unknown names and wrong pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from inference.errors import RegistryError, ShapeError


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


ENCODERS: dict[str, type[Encoder]] = {}


def register_encoder(family: str) -> Callable[[type[Any]], type[Any]]:
    """Class decorator: make this encoder buildable by name."""

    def register(cls: type[Any]) -> type[Any]:
        if family in ENCODERS:
            raise RegistryError(f"encoder {family!r} twice", "each encoder registered once")
        cls.family = family
        ENCODERS[family] = cls
        return cls

    return register


def build_encoder(family: str, config: Mapping[str, Any]) -> Encoder:
    """An untrained encoder of a registered name."""
    if family not in ENCODERS:
        raise RegistryError(f"encoder {family!r}", f"one of {sorted(ENCODERS)}", code="registry:encoder")
    try:
        return ENCODERS[family](**config)
    except TypeError as error:
        raise RegistryError(
            f"configuration {dict(config)} ({error})",
            f"the options that the {family!r} encoder takes",
            code="registry:encoder-config",
        ) from error
