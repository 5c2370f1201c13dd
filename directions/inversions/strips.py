"""Strips: one face five times in one file, from less to more of a change. The only place that draws them.

A strip ends at one step on either side. One step is as far as contributors' own pairs went, so it is what
they showed; further out nobody has shown anything. On Drawn Portraits eight community directions on four
sample faces, drawn out to two steps, were looked at: up to one step each picture is a face; at one and a half
long hair, hats and blond hair begin to blur, at two they dissolve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

    from inference import Bundle
    from inference.editing import Movable

INTENSITIES = (-1.0, -0.5, 0.0, 0.5, 1.0)
Strip = npt.NDArray[np.uint8]  # [H, 5 W, 3]


def strips_draw(*, bundle: Bundle, codes: torch.Tensor, direction: Movable) -> list[Strip]:
    """One strip for each code of `[B, L, D]`. Needs torch: only handlers and tasks call it."""
    from inference import strip, to_uint8

    rows = strip(bundle, codes, direction, INTENSITIES)  # [B, 5, 3, H, W]
    return [np.concatenate(list(to_uint8(row)), axis=1) for row in rows]
