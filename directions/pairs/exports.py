"""A stored direction as the library's own object and as the library's own files. Loads no torch."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Protocol

import numpy as np

from directions.inversions.codes import codes_unpack
from directions.inversions.selectors import inversion_codes
from directions.pairs.models import Direction
from inference.finders.direction import Direction as LibraryDirection

FORMATS = ("safetensors", "npz")


class Savable(Protocol):
    def save(self, path: str) -> None: ...


def direction_load(direction: Direction) -> LibraryDirection:
    """The library's Direction of a READY row (its two inversions and generator loaded with it)."""
    if direction.vector is None or direction.step is None:
        raise ValueError(f"direction {direction.pk} is {direction.state}: it has no vector")
    return LibraryDirection(
        vector=codes_unpack(direction.vector, direction.shape),
        step=direction.step,
        space=direction.space,
        before_codes=inversion_codes(direction.before_inversion),
        after_codes=inversion_codes(direction.after_inversion),
        digest=direction.digest,
        metric_weights=np.asarray(direction.generator.metric_weights, dtype=np.float32),
        quality=dict(direction.quality),
    )


def file_bytes(savable: Savable, format: str) -> bytes:
    """What the library would write to a file of this format ("safetensors" or "npz")."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"direction.{format}"
        savable.save(str(path))
        return path.read_bytes()
