"""What may come in as a picture, and how it is kept: functions from bytes to bytes, no database, no disk.

Nothing of an upload survives but its pixels: every file is decoded under limits and encoded anew. This module
goes by content and never by name or declared type, checks the size in the header before it decodes anything,
and refuses whatever is not exactly one still JPEG, PNG or WebP picture, saying what came and what is wanted.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from dataclasses import dataclass

import numpy as np
import structlog
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from direction_commons.errors import UserError
from direction_commons.media.models import PREVIEW_SIDES

log = structlog.get_logger(__name__)
# Our own limit is stricter, and asked of every picture before it is decoded.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

MIN_SIDE = 32
MAX_SIDE = 16_000
MAX_SCANS = 64  # of a progressive JPEG: ten are usual, thousands of tiny ones are an attack on the decoder
# Pillow walks segments and chunks in Python, at some microseconds each, fill bytes one by one. Real pictures
# have fewer than 300 segments (an ICC profile has at most 255) and, in 10 MB, 1300 chunks of libpng's.
MAX_SEGMENTS = 1000
MAX_CHUNKS = 10_000
MAX_FILL = 64 * 1024  # bytes before the first scan that belong to no segment
EXACT_PIXELS = 1024 * 1024  # pictures up to here are kept pixel by pixel, whatever they came as
WANTED = "Send one JPEG, PNG or WebP picture."
SIGNATURES = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"RIFF": "WEBP"}


@dataclass(frozen=True)
class Encoded:
    """A picture as it goes to disk."""

    data: bytes
    content_type: str
    width: int
    height: int

    @property
    def size(self) -> int:
        return len(self.data)


def picture_open(data: bytes) -> tuple[Image.Image, bool]:
    """Checks and decodes an upload: (RGB in sRGB, upright, alpha flattened on white; did it come lossless?).

    Raises UserError: media:empty, too-large, not-a-picture, too-many-pixels, too-small, animated, truncated,
    trailing-data, too-many-scans, too-many-segments, corrupt.
    """
    if not data:
        raise UserError("media:empty", "The file is empty.", WANTED)
    if len(data) > settings.MEDIA_MAX_BYTES:
        raise too_large(len(data))
    family = next((name for magic, name in SIGNATURES.items() if data.startswith(magic)), None)
    if family is None or (family == "WEBP" and data[8:12] != b"WEBP"):
        raise UserError(
            "media:not-a-picture", "This file is not a JPEG, PNG or WebP picture.", WANTED, status=415
        )
    _check_extent(family, data)
    try:
        picture = Image.open(io.BytesIO(data), formats=(family,))
        _check_size(*picture.size)
        frames = getattr(picture, "n_frames", 1) if picture.format in ("PNG", "WEBP") else 1
        if frames > 1:
            message = f"This is an animation of {frames} frames; a still picture is wanted."
            raise UserError("media:animated", message, "Export one frame and send that.")
        picture.load()
    except UserError:
        raise
    except Image.DecompressionBombError as exc:
        # Pillow's own limit, asked while it opens the file; its words name that one and not ours.
        message = f"The picture has more than {settings.MEDIA_MAX_PIXELS // 1_000_000} megapixels."
        raise UserError("media:too-many-pixels", message, _smaller()) from exc
    except UnidentifiedImageError as exc:
        raise UserError(
            "media:not-a-picture", f"This {family} file cannot be read.", WANTED, status=415
        ) from exc
    except MemoryError:
        raise
    except Exception as exc:
        # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error, EOFError …
        todo = "Open it in a picture editor, export it again, and send that."
        raise UserError("media:corrupt", f"This {family} file is damaged or cut off: {exc}.", todo) from exc
    lossless = family == "PNG" or (family == "WEBP" and b"VP8L" in data[12:64])
    return _flat_srgb(_upright(picture)), lossless


def _smaller() -> str:
    return f"Send a picture of at most {settings.MEDIA_MAX_PIXELS // 1_000_000} megapixels."


def _megapixels(pixels: int) -> str:
    """Rounded up to a tenth: what is refused never reads like what is accepted."""
    return f"{math.ceil(pixels / 1e5) / 10:.1f}"


def too_large(size: int) -> UserError:
    most = settings.MEDIA_MAX_BYTES // 1024**2
    message = f"The file has {size / 1024**2:.1f} MB; at most {most} MB are accepted."
    return UserError("media:too-large", message, "Send a smaller or more compressed picture.", status=413)


def _check_size(width: int, height: int) -> None:
    came = f"The picture has {width} x {height} pixels"
    if width * height > settings.MEDIA_MAX_PIXELS:
        raise UserError(
            "media:too-many-pixels", f"{came}, {_megapixels(width * height)} megapixels.", _smaller()
        )
    if max(width, height) > MAX_SIDE:
        raise UserError("media:too-many-pixels", f"{came}.", f"Send one of at most {MAX_SIDE} pixels a side.")
    if min(width, height) < MIN_SIDE:
        raise UserError("media:too-small", f"{came}.", f"Send one of at least {MIN_SIDE} pixels a side.")


def _check_extent(family: str, data: bytes) -> None:
    """The picture must end where the file ends: neither cut off, nor followed by another kind of file."""
    end = {"JPEG": _jpeg_end, "PNG": _png_end, "WEBP": _webp_end}[family](data)
    if end is None or end > len(data):
        todo = "Send it again; if that does not help, export it again from a picture editor."
        raise UserError("media:truncated", f"This {family} file is cut off after {len(data)} bytes.", todo)
    tail = data[end:]
    # What cameras themselves append: padding, further JPEGs (MPO), a motion photo's film, Samsung's trailer.
    if not tail.strip(b"\0\r\n ") or (
        family == "JPEG"
        and (tail.lstrip(b"\0").startswith(b"\xff\xd8") or tail[4:8] == b"ftyp" or tail[-4:] == b"SEFT")
    ):
        return
    message = f"{len(tail)} bytes of something else follow the end of this {family} picture."
    raise UserError("media:trailing-data", message, "Export it again from a picture editor, and send that.")


# Fill bytes (any number of 0xff before a marker) are passed over by not matching them: with `\xff+`, some
# kilobytes of nothing else took minutes, and stood in the way of every other request of the process.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")


def _jpeg_end(data: bytes) -> int | None:
    """Offset behind the first picture's end-of-image marker, walking its segments; None: there is none."""
    position, scans, segments, fill = 2, 0, 0, 0
    while marker := _JPEG_MARKER.search(data, position):
        segments += 1
        if not scans:
            fill += marker.start() - position
        if segments > MAX_SEGMENTS or fill > MAX_FILL:
            raise _padded("JPEG", f"more than {MAX_SEGMENTS} segments or {MAX_FILL // 1024} kB between them")
        kind, position = marker[1][0], marker.end()
        if kind == 0xD9:
            return position
        if kind == 0xDA:
            scans += 1
            if scans > MAX_SCANS:
                message = f"This progressive JPEG has more than {MAX_SCANS} scans."
                raise UserError("media:too-many-scans", message, "Export it again as a usual JPEG.")
        if kind != 0x01:
            position += max(2, int.from_bytes(data[position : position + 2], "big"))
    return None


def _png_end(data: bytes) -> int | None:
    position, chunks = 8, 0
    while position + 12 <= len(data):
        chunks += 1
        if chunks > MAX_CHUNKS:
            raise _padded("PNG", f"more than {MAX_CHUNKS} chunks")
        kind = data[position + 4 : position + 8]
        position += 12 + int.from_bytes(data[position : position + 4], "big")
        if kind == b"IEND":
            return position
    return None


def _padded(family: str, what: str) -> UserError:
    message = f"This {family} file has {what}, which no picture needs."
    return UserError("media:too-many-segments", message, f"Export it again as a usual {family}.")


def _webp_end(data: bytes) -> int | None:
    length = int.from_bytes(data[4:8], "little")
    return 8 + length + length % 2


def _upright(picture: Image.Image) -> Image.Image:
    """As the camera was held; metadata that cannot be read says nothing."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception as exc:
        log.info("media.exif-unreadable", error=repr(exc))
        return picture


def _flat_srgb(picture: Image.Image) -> Image.Image:
    """Any of Pillow's modes, with or without a colour profile -> RGB in sRGB, transparency on white."""
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith(("I", "F")):  # 16-bit grey
        grey = np.asarray(picture).astype(np.float64)  # [H, W]
        picture = Image.fromarray((grey / 257.0).round().clip(0, 255).astype(np.uint8))
        profile = None
    has_alpha = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    alpha = picture.convert("RGBA").getchannel("A") if has_alpha else None
    if picture.mode not in ("RGB", "L", "CMYK"):
        picture = picture.convert("L" if picture.mode == "LA" else "RGB")
    if profile:
        picture = _to_srgb(picture, profile)
    picture = picture.convert("RGB")
    if alpha is None:
        return picture
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=alpha)
    return white


def _to_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Converts unless the profile is sRGB itself (or broken: then it says nothing, as in every browser)."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            picture.mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if picture.mode == "RGB":
            levels = np.linspace(0, 255, 9).round().astype(np.uint8)
            lattice = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(
                27, 27, 3
            )  # every ninth colour
            probe = ImageCms.applyTransform(Image.fromarray(lattice), transform)
            if probe is not None and np.abs(np.asarray(probe).astype(int) - lattice).max() <= 1:
                return picture
        converted = ImageCms.applyTransform(picture, transform)
    except (ImageCms.PyCMSError, OSError):
        return picture
    return picture if converted is None else converted


def encode_upload(picture: Image.Image, *, lossless: bool) -> Encoded:
    """PNG for what is small or came lossless, else JPEG 95 with full chroma: small changes must survive."""
    if lossless or picture.width * picture.height <= EXACT_PIXELS:
        return _encode(picture, "PNG", compress_level=4)
    return _encode(picture, "JPEG", quality=95, subsampling=0)


def encode_array(array: NDArray[np.uint8]) -> Encoded:
    """uint8 [H, W, 3] -> lossless WebP, for pictures that the program makes."""
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise TypeError(f"a uint8 array [H, W, 3] is wanted, {array.dtype} {list(array.shape)} came")
    return _encode(Image.fromarray(array), "WEBP", lossless=True, quality=40, method=2)


def encode_previews(picture: Image.Image) -> dict[int, bytes]:
    """{side: WebP} for each of PREVIEW_SIDES that is smaller than the picture."""
    previews: dict[int, bytes] = {}
    for side in sorted(PREVIEW_SIDES, reverse=True):
        if side < max(picture.size):
            picture = picture.copy()
            picture.thumbnail((side, side), Image.Resampling.LANCZOS)
            previews[side] = _encode(picture, "WEBP", quality=88, method=2).data
    return previews


def _encode(picture: Image.Image, family: str, **options: int | bool) -> Encoded:
    stream = io.BytesIO()
    picture.info = {}  # Pillow writes some of what it read back by itself
    picture.save(stream, family, **options)
    return Encoded(stream.getvalue(), f"image/{family.lower()}", picture.width, picture.height)
