"""Strips: one face five times in one file, from less to more of a change. The only place that draws them.

Where the five stand, and why a strip ends there, is in `inference.intensities`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from inference.intensities import STRIP

if TYPE_CHECKING:
    import torch

    from inference import Bundle
    from inference.editing import Movable

Strip = npt.NDArray[np.uint8]  # [H, 5 W, 3]


def strips_draw(
    *, bundle: Bundle, codes: torch.Tensor, direction: Movable, intensities: Sequence[float] = STRIP
) -> list[Strip]:
    """One strip for each code of `[B, L, D]`. Needs torch: only handlers and tasks call it."""
    from inference import strip, to_uint8

    rows = strip(bundle, codes, direction, intensities)  # [B, 5, 3, H, W]
    return [np.concatenate(list(to_uint8(row)), axis=1) for row in rows]
