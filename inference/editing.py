"""Code + directions -> picture:  G(z + sum of intensity_k * step_k * d_k), intensity 1 being one step.

Sums are taken in float64 before the one rounding to float32, so the order of directions does not show in the
pixels. This module holds no state, looks nothing up, and refuses directions of another generator.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import torch

from inference.errors import DirectionError, OptionError, ShapeError
from inference.intensities import STRIP

if TYPE_CHECKING:
    from inference.bundle import Bundle

BATCH = 16  # pictures made at once


class Movable(Protocol):
    """What an edit needs of a direction; both a pair's and a community's have it."""

    @property
    def vector(self) -> npt.NDArray[np.float32]: ...

    @property
    def step(self) -> float: ...

    @property
    def digest(self) -> str: ...


def edit(bundle: Bundle, codes: torch.Tensor, moves: Iterable[tuple[Movable, float]]) -> torch.Tensor:
    """Apply directions to codes and draw the pictures.

    Args:
        bundle: whose generator the codes and directions belong to.
        codes: `[B, L, D]`.
        moves: (direction, intensity) pairs; intensity 1.0 is one `step`, negative goes the other way.
    Returns:
        images `[B, 3, H, W]` in [-1, 1].
    Raises:
        DirectionError: a direction of another generator. ShapeError: codes or a vector of another shape.

    Example:
        >>> images = edit(bundle, inversion.codes, [(smile, 1.0), (glasses, -0.5)])
    """
    return synthesise(bundle, moved(bundle, codes, moves))


def moved(bundle: Bundle, codes: torch.Tensor, moves: Iterable[tuple[Movable, float]]) -> torch.Tensor:
    """The codes `[B, L, D]` that `edit` draws."""
    if not isinstance(codes, torch.Tensor):
        raise ShapeError(
            f"codes of type {type(codes).__name__}", "a torch tensor [B, L, D]", code="shape:codes"
        )
    bundle.generator.check_codes(codes)
    if not bool(torch.isfinite(codes).all()):
        raise ShapeError("codes that are not all finite", "finite codes [B, L, D]", code="shape:codes")
    change = np.zeros(tuple(codes.shape[1:]), dtype=np.float64)  # [L, D]
    for direction, intensity in moves:
        _check_move(bundle, direction, intensity, change.shape)
        change += float(intensity) * direction.step * direction.vector.astype(np.float64)
    shifted = codes.to(bundle.device, torch.float64) + torch.from_numpy(change).to(bundle.device)
    return shifted.to(torch.float32)


def strip(
    bundle: Bundle, codes: torch.Tensor, direction: Movable, intensities: Sequence[float] = STRIP
) -> torch.Tensor:
    """A row of pictures of each code along one direction, `[B, len(intensities), 3, H, W]`."""
    if not intensities:
        raise OptionError("no intensities", "at least one number", code="option:intensities")
    rows = torch.stack([moved(bundle, codes, [(direction, value)]) for value in intensities], dim=1)
    images = synthesise(bundle, rows.flatten(0, 1))  # [B * n, 3, H, W]
    return images.view(len(codes), len(intensities), *images.shape[1:])


def synthesise(bundle: Bundle, codes: torch.Tensor) -> torch.Tensor:
    """Draw codes `[B, L, D]` in batches, clamped to [-1, 1]."""
    with torch.no_grad():
        parts = [
            bundle.generator.synthesis(part).clamp(-1, 1)
            for part in torch.split(codes.to(bundle.device), BATCH)
        ]
    return torch.cat(parts)


def _check_move(bundle: Bundle, direction: Movable, intensity: float, shape: tuple[int, ...]) -> None:
    if direction.digest != bundle.digest:
        raise DirectionError(
            f"a direction of generator {direction.digest[:12]}",
            f"one of {bundle.name}, generator {bundle.digest[:12]}",
            "derive its pair on this generator",
            code="direction:generator",
        )
    if direction.vector.shape != shape:
        raise ShapeError(
            f"a direction of shape {list(direction.vector.shape)}", f"{list(shape)}", code="shape:vector"
        )
    if isinstance(intensity, bool) or not isinstance(intensity, numbers.Real) or not math.isfinite(intensity):
        raise OptionError(f"the intensity {intensity!r}", "a finite number", code="option:intensity")
