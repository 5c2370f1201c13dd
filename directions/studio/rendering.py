"""The interactive worker's half of a preview: codes and vectors from the database, pixels from the library.

It asks no permission (the web process has, before the message was sent) and stores nothing. What it holds in
memory between two previews are codes and vectors by names that can never mean anything else: a code by
(bundle digest, inversion), a vector by the sha256 of its bytes. Torch is imported with the first picture.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from directions.community.models import VersionVector
from directions.discover.models import Component
from directions.discover.selectors import component_vector
from directions.inversions.codes import codes_pack, codes_sha256, codes_unpack
from directions.inversions.models import Inversion
from directions.pairs.models import Direction

if TYPE_CHECKING:
    from inference import Bundle

WEBP_QUALITY = 90
CONTENT_TYPES = {"webp": "image/webp", "png": "image/png"}  # by the name of the format


class Gone(Exception):
    """The code or a vector is not what the message named: it was erased between question and answer."""


@dataclass(frozen=True, eq=False)
class Move:
    """What `inference.edit` needs of a direction."""

    vector: npt.NDArray[np.float32]  # [L, D]
    step: float
    digest: str


@lru_cache(maxsize=256)
def codes_of(digest: str, inversion: str) -> npt.NDArray[np.float32]:
    """The code `[L, D]` of one inversion on the bundle `digest`."""
    row = Inversion.objects.filter(pk=inversion, digest=digest, state=Inversion.State.READY).first()
    if row is None or row.codes is None:
        raise Gone(f"inversion {inversion}")
    return codes_unpack(row.codes, row.shape)


@lru_cache(maxsize=1024)
def vector_of(kind: str, key: str, sha256: str) -> npt.NDArray[np.float32]:
    """The unit vector `[L, D]` of a version, a pair or a component, if its bytes are those named."""
    data: Any = None
    shape: Sequence[int] = ()
    if kind == "community":
        published = VersionVector.objects.filter(pk=int(key)).first()
        if published is not None:
            data, shape = published.data, published.shape
    elif kind == "component":
        found = Component.objects.filter(pk=key).first()
        if found is not None:
            data, shape = codes_pack(component_vector(found))
    else:
        own = Direction.objects.filter(pk=key).first()
        if own is not None:
            data, shape = own.vector, own.shape
    if data is None or codes_sha256(data) != sha256:
        raise Gone(f"{kind} direction {key}")
    return codes_unpack(data, shape)


def edited_pixels(
    *, bundle: Bundle, digest: str, inversion: str, steps: Sequence[Mapping[str, Any]]
) -> npt.NDArray[np.uint8]:
    """The edited picture, uint8 `[H, W, 3]`: exactly what `inference.edit` gives for the same recipe."""
    return pixels_of_codes(bundle, codes_of(digest, inversion), _moves(steps))


def domain_shift(*, bundle: Bundle, digest: str, inversion: str, steps: Sequence[Mapping[str, Any]]) -> float:
    """How much worse the generator's own encoder reads the edited picture than the unedited one.

    Near 0 while an edit stays among pictures that the generator knows; it grows where a face falls apart.
    In the units of the bundle's `out_of_domain`.
    """
    codes = codes_of(digest, inversion)
    return _reading_error(bundle, codes, _moves(steps)) - _rest_error(bundle, digest, inversion)


@lru_cache(maxsize=256)
def _rest_error(bundle: Bundle, digest: str, inversion: str) -> float:
    return _reading_error(bundle, codes_of(digest, inversion), [])


def _reading_error(
    bundle: Bundle, codes: npt.NDArray[np.float32], moves: Sequence[tuple[Move, float]]
) -> float:
    import torch

    from inference import edit, invert

    pictures = edit(bundle, torch.from_numpy(codes)[None], moves)  # [1, 3, H, W]
    return float(invert(bundle, pictures, steps=0).errors[0])


def _moves(steps: Sequence[Mapping[str, Any]]) -> list[tuple[Move, float]]:
    return [
        (
            Move(vector_of(step["kind"], step["id"], step["vector_sha256"]), step["step"], step["digest"]),
            step["intensity"],
        )
        for step in steps
    ]


def pixels_of_codes(
    bundle: Bundle, codes: npt.NDArray[np.float32], moves: Sequence[tuple[Move, float]] = ()
) -> npt.NDArray[np.uint8]:
    """Draw one code `[L, D]` with directions applied; uint8 `[H, W, 3]`."""
    import torch

    from inference import edit, to_uint8

    pixels: npt.NDArray[np.uint8] = to_uint8(edit(bundle, torch.from_numpy(codes)[None], moves))[0]
    return pixels


def encoded(pixels: npt.NDArray[np.uint8], format: str) -> bytes:
    """PNG is lossless, for keeping; WebP at quality 90 is what a slider shows while it moves."""
    buffer = io.BytesIO()
    if format == "png":
        Image.fromarray(pixels).save(buffer, "PNG", compress_level=6)
    else:
        Image.fromarray(pixels).save(buffer, "WEBP", quality=WEBP_QUALITY, method=2)
    return buffer.getvalue()
