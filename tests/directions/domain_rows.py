"""People and pictures that the domain's tests stand on."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from direction_commons.accounts.models import User
from inference.portraits import render


def a_user(name: str, **more: Any) -> User:
    return User.objects.create_user(
        username=name, email=f"{name}@example.org", password="correct horse battery", **more
    )


def as_png(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def as_jpeg(png: bytes, quality: int = 85) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(png)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def a_face(seed: int, size: int = 64, **attributes: float) -> bytes:
    """A drawn portrait as PNG."""
    return as_png(render(attributes, seed, size))


def noise(seed: int = 0, size: int = 128) -> bytes:
    return as_png(np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8))
