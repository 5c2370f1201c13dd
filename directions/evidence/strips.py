"""A report's strips, cut into rows that can be named: pixels in, pixels out.

A strip is one tall picture of square tiles, a column a face. Its rows are not written into it, but follow
from the report: three that stand for the truth, then the ways that the report names for it, in order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from direction_commons.errors import UserError
from directions.evidence.reading import WRITE_AGAIN, Evidence

CASE_ROWS = ["drawn", "true", "edited"]  # of a case in which a change cannot show
TRUTH = ("before", "after", "own")  # the faces; truly drawn with the change; as the machine inverts that


@dataclass(frozen=True)
class Row:
    """One row of a strip: `way` is one of TRUTH or a method of the report."""

    way: str
    faces: int
    pixels: NDArray[np.uint8]  # [S, faces * S, 3]


def strip_ways(evidence: Evidence, semantic: str) -> list[str]:
    """What the rows of a semantic's strip are, from top to bottom."""
    if semantic not in evidence.strips:
        raise UserError("evidence:strip", f"report.json names no strip of {semantic!r}.", WRITE_AGAIN)
    return [*TRUTH, *evidence.strips[semantic]]


def strip_rows(*, name: str, ways: list[str], pixels: NDArray[np.uint8]) -> list[Row]:
    """The rows of a strip `[H, W, 3]`. Raises UserError "evidence:strip" when it has other ones."""
    height, width = pixels.shape[:2]
    side, left = divmod(height, len(ways))
    if left or not side or width % side:
        raise UserError(
            "evidence:strip",
            f"{name} is {width} x {height} pixels; {len(ways)} rows of square pictures "
            f"({', '.join(ways)}) were wanted.",
            WRITE_AGAIN,
        )
    return [
        Row(way, width // side, np.ascontiguousarray(pixels[number * side : (number + 1) * side]))
        for number, way in enumerate(ways)
    ]
