"""The effect metric: the inner product in which cosines, lengths, R and agreement are computed.

    <a, b>_M = sum over layers l of  weight_l * <a_l, b_l>

A layer's weight is the image change (mean squared, over pixels) that a unit of code makes there, measured
once per bundle; raw W+ cosines are dominated by layers that do little. Weights are scaled to a mean of 1, so
that lengths stay in latent units. The arithmetic here is numpy in float64 and needs no torch; only the
measurement loads it. This module refuses negative or all-zero weights: they make no inner product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from inference.errors import OptionError, ShapeError

if TYPE_CHECKING:
    import torch

    from inference.generators import Generator

Array = npt.NDArray[np.float64]


def check_weights(weights: npt.ArrayLike, layers: int) -> Array:
    """Return weights as float64 `[L]`, or raise ShapeError."""
    checked = np.asarray(weights, dtype=np.float64)
    wanted = f"[{layers}] finite weights, none negative, not all zero"
    if checked.shape != (layers,):
        raise ShapeError(f"metric weights of shape {list(checked.shape)}", wanted, code="shape:metric")
    if not np.all(np.isfinite(checked)) or np.any(checked < 0) or not np.any(checked > 0):
        raise ShapeError(f"metric weights {checked.tolist()}", wanted, code="shape:metric")
    return checked


def inner(a: npt.ArrayLike, b: npt.ArrayLike, weights: npt.ArrayLike) -> Array:
    """<a, b>_M for `[..., L, D]` and weights `[L]`; leading axes broadcast. Returns `[...]`."""
    left, right = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if left.ndim < 2 or right.ndim < 2 or left.shape[-2:] != right.shape[-2:]:
        raise ShapeError(
            f"codes of shapes {list(left.shape)} and {list(right.shape)}",
            "equal [..., L, D]",
            code="shape:codes",
        )
    scale = check_weights(weights, left.shape[-2])[:, None]  # [L, 1]
    product: Array = np.asarray((left * right * scale).sum(axis=(-2, -1)), dtype=np.float64)
    return product


def norm(a: npt.ArrayLike, weights: npt.ArrayLike) -> Array:
    """||a||_M for `[..., L, D]`. Returns `[...]`."""
    return np.sqrt(inner(a, a, weights))


def cosine(a: npt.ArrayLike, b: npt.ArrayLike, weights: npt.ArrayLike) -> Array:
    """Cosine in the effect metric, `[...]`; 0 where either has no length, for then there is no angle."""
    lengths = norm(a, weights) * norm(b, weights)
    product = inner(a, b, weights)
    return np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 0)


def unit(a: npt.ArrayLike, weights: npt.ArrayLike) -> Array:
    """`[..., L, D]` scaled to effect length 1; refuses what has none."""
    length = norm(a, weights)
    if np.any(length <= 0):
        raise ShapeError(
            "a code difference of effect length 0", "one that changes the picture", code="shape:zero"
        )
    return np.asarray(a, np.float64) / length[..., None, None]


def measure_weights(generator: Generator, *, samples: int = 64, share: float = 0.1, seed: int = 0) -> Array:
    """Measure the layer weights `[L]` of a generator; scaled to a mean of 1.

    For `samples` codes w and as many others w', one layer at a time is moved the fraction `share` of the way
    from w to w', and weight_l = mean( mean_pixels (G(moved) - G(w))^2 / ||moved_l - w_l||^2 ). Moving towards
    another code, and not along random axes, keeps to directions that codes really take.
    """
    import torch

    if samples < 1 or not 0 < share <= 1:
        raise OptionError(
            f"samples={samples}, share={share}", "samples >= 1 and 0 < share <= 1", code="option:metric"
        )
    device = generator.w_avg.device
    source = torch.Generator().manual_seed(seed)
    z = torch.randn(2 * samples, generator.z_dim, generator=source).to(device)
    total = torch.zeros(generator.num_layers, dtype=torch.float64)
    with torch.no_grad():
        codes = generator.mapping(z)  # [2N, L, D]
        for here, there in zip(codes[:samples], codes[samples:], strict=True):
            total += _layer_effects(generator, here, (there - here) * share)
    weights: Array = total.numpy()
    return check_weights(weights / max(float(weights.mean()), 1e-300), generator.num_layers)


def _layer_effects(generator: Generator, code: torch.Tensor, move: torch.Tensor) -> torch.Tensor:
    """Squared image change per squared unit of code, for each layer alone. code, move `[L, D]` -> `[L]`."""
    import torch

    layers = code.shape[0]
    eye = torch.eye(layers, device=code.device)[:, :, None]  # [L, L, 1]
    batch = torch.cat([code[None], code + eye * move])  # [1 + L, L, D]
    images = generator.synthesis(batch)  # [1 + L, 3, H, W]
    change = (images[1:] - images[:1]).square().mean(dim=(1, 2, 3))  # [L]
    return (change / move.square().sum(dim=1).clamp_min(1e-20)).double().cpu()
