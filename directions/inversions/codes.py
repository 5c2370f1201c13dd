"""How codes and directions lie in the database: little-endian float32 bytes beside their shape and digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.float32]


def codes_pack(codes: npt.ArrayLike) -> tuple[bytes, list[int]]:
    """[L, D] -> (bytes, [L, D])."""
    array = np.ascontiguousarray(codes, dtype="<f4")
    if array.ndim != 2 or not np.isfinite(array).all():
        raise ValueError(
            f"codes of shape {array.shape}, finite: {bool(np.isfinite(array).all())}; wanted finite [L, D]"
        )
    return array.tobytes(), list(array.shape)


def codes_unpack(data: bytes | memoryview, shape: Sequence[int]) -> Codes:
    """(bytes, [L, D]) -> float32 [L, D]; refuses bytes that are not that many numbers."""
    array = np.frombuffer(bytes(data), dtype="<f4").reshape(tuple(shape))
    return array.astype(np.float32)


def codes_sha256(data: bytes | memoryview) -> str:
    return hashlib.sha256(bytes(data)).hexdigest()
