"""What training minimises. Everything is a mean over the batch; images are [B, 3, H, W] in [-1, 1]."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from inference.perceptual import Perceptual


def busy_weights(target: Tensor) -> Tensor:
    """Weights [B, 1, H, W], mean 1: high where the picture is busy (eyes, mouth, rims), low on plain walls.

    Small features weigh nothing in plain pixel losses, and what is not reconstructed cannot be edited.
    """
    grey = target.mean(1, keepdim=True)
    dx = F.pad((grey[..., 1:] - grey[..., :-1]).abs(), (0, 1))
    dy = F.pad((grey[..., 1:, :] - grey[..., :-1, :]).abs(), (0, 0, 0, 1))
    busy = F.avg_pool2d(dx + dy, 5, stride=1, padding=2, count_include_pad=False)
    weights = 0.5 + (busy / (busy.mean((2, 3), keepdim=True) + 1e-4)).clamp(max=5.0)
    return weights / weights.mean((2, 3), keepdim=True)


def pyramid_l1(difference: Tensor, weights: Tensor) -> Tensor:
    """Weighted L1 on the Laplacian pyramid of a difference image (the pyramid is linear)."""
    total = difference.new_zeros(())
    while difference.shape[-1] > 8:
        coarse = F.avg_pool2d(difference, 2)
        band = difference - F.interpolate(coarse, scale_factor=2, mode="nearest")
        total = total + (weights * band.abs()).mean()
        difference, weights = coarse, F.avg_pool2d(weights, 2)
    return total + difference.abs().mean()


def picture_loss(output: Tensor, target: Tensor) -> Tensor:
    """Pixels (L1 and L2) and Laplacian pyramid, weighted toward busy regions."""
    weights = busy_weights(target)
    difference = output.float() - target
    pixels = (weights * (difference.abs() + 4.0 * difference.square())).mean()
    return pixels + pyramid_l1(difference, weights)


def worst_places(output: Tensor, target: Tensor, share: float = 0.05) -> Tensor:
    """Mean squared error of the worst `share` of each picture's 32 x 32 cells, after averaging in each cell.

    Lips painted red are a thousandth of a picture's error and all of an edit's. What stands out like that is
    found without being told where lips are; grain, which nobody edits, averages out within a cell.
    """
    difference = F.adaptive_avg_pool2d(output.float() - target, min(32, target.shape[-1]))
    errors = difference.square().mean(1).flatten(1)
    return errors.topk(max(1, int(share * errors.shape[1])), dim=1).values.mean()


def psnr(output: Tensor, target: Tensor) -> Tensor:
    """Peak signal to noise ratio of each picture [B], in dB, after rounding to bytes as files are."""
    a = ((output.float().clamp(-1, 1) + 1) * 127.5).round()
    b = ((target.float().clamp(-1, 1) + 1) * 127.5).round()
    error = (a - b).square().mean((1, 2, 3)).clamp(min=1e-6)
    return 20 * torch.log10(torch.tensor(255.0)) - 10 * torch.log10(error)


def feature_distance(perceptual: Perceptual, output: Tensor, wanted: Tensor) -> Tensor:
    """Mean perceptual distance of two batches [B, 3, R, R]; gradients reach `output` only."""
    with torch.no_grad():
        target = perceptual.features(wanted)
    return perceptual.compare(perceptual.features(output), target).mean()


def reduced(images: Tensor, resolution: int) -> Tensor:
    """Pictures [B, 3, R, R] averaged down to `resolution`."""
    factor = images.shape[-1] // resolution
    return images if factor == 1 else F.avg_pool2d(images, factor)
