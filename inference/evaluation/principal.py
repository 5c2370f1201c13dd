"""Principal components of pictures: what a code of as many numbers must beat to be worth a network.

Found by subspace iteration with a small surplus of dimensions (Halko, Martinsson and Tropp 2011, "Finding
structure with randomness", algorithm 4.4), in blocks of bytes, so that ten thousand pictures at full
resolution need half a gigabyte and no copy as floats. Nothing here knows bundles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from inference.errors import OptionError
from inference.portraits.training.data import to_images

Pictures = npt.NDArray[np.uint8]  # [N, H, W, 3]

SURPLUS = 32
PASSES = 3
_BLOCK = 500  # pictures held as floats at once


@dataclass(frozen=True)
class Components:
    """`mean` [P], `axes` [P, k] orthonormal, the most telling first; P numbers a picture, in [-1, 1]."""

    mean: Tensor
    axes: Tensor

    def reconstruct(self, images: Tensor, size: int) -> Tensor:
        """images [B, 3, H, W] through the first `size` components and back."""
        flat = images.flatten(1) - self.mean
        axes = self.axes[:, :size]
        return ((flat @ axes) @ axes.T + self.mean).view_as(images)


def principal_components(pictures: Pictures, count: int, seed: int = 0) -> Components:
    """The first `count` components of pictures uint8 [N, H, W, 3]; there are at most N - 1 of them.

    How near this comes to the exact ones: docs/portraits.md tells for the evaluation's own pictures.
    """
    pixels = int(np.prod(pictures.shape[1:]))
    if not 0 < count < min(len(pictures), pixels + 1):
        raise OptionError(
            f"{count} components of {len(pictures)} pictures with {pixels} numbers each",
            "at least 1, fewer than pictures, and no more than a picture has numbers",
            "draw more pictures",
            code="option:components",
        )
    blocks = range(0, len(pictures), _BLOCK)
    mean = torch.stack([_flat(pictures[i : i + _BLOCK]).sum(0) for i in blocks]).sum(0) / len(pictures)
    width = min(count + SURPLUS, len(pictures) - 1, pixels)
    basis = torch.randn(pixels, width, generator=torch.Generator().manual_seed(seed))
    for _ in range(PASSES):
        basis, _ = torch.linalg.qr(basis)
        image = torch.zeros_like(basis)
        for i in blocks:
            block = _flat(pictures[i : i + _BLOCK]) - mean  # [b, P]
            image.addmm_(block.T, block @ basis)
        basis = image
    basis, _ = torch.linalg.qr(basis)
    inner = torch.zeros(width, width, dtype=torch.float64)
    for i in blocks:
        seen = ((_flat(pictures[i : i + _BLOCK]) - mean) @ basis).double()  # [b, width]
        inner += seen.T @ seen
    order = torch.linalg.eigh(inner).eigenvectors.flip(1)[:, :count]  # the largest first
    return Components(mean, basis @ order.float())


def _flat(pictures: Pictures) -> Tensor:
    """[b, H, W, 3] bytes -> [b, P] in the order of images [b, 3, H, W]."""
    return to_images(pictures).flatten(1)
