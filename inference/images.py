"""Pictures in and out: files to `[1, 3, H, W]` in [-1, 1] and back to uint8, with limits before decoding.

A picture is turned as its EXIF says, laid over white where it is transparent, cut to its central square and
resized. This module refuses everything that is not a JPEG, PNG or WebP of at most 25 megapixels, by content
and never by name. It does not find or align faces.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from inference.errors import ImageError, ShapeError

if TYPE_CHECKING:
    import torch

# torch is imported inside the functions that need it: `python -m inference portrait` draws and writes without
# it.

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 25_000_000
MAX_BYTES = 64 * 1024 * 1024

PathOrBytes = str | os.PathLike[str] | bytes


def read_image(source: PathOrBytes, size: int) -> torch.Tensor:
    """Read one picture as float32 `[1, 3, size, size]` in [-1, 1].

    Raises ImageError for anything that is not a readable picture under the limits.

    Example:
        >>> read_image("face.png", 128).shape
        torch.Size([1, 3, 128, 128])
    """
    import torch

    pixels = read_pixels(source, size)  # [H, W, 3]
    return torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1.0).permute(2, 0, 1)[None].contiguous()


def read_pixels(source: PathOrBytes, size: int) -> npt.NDArray[np.uint8]:
    """Read one picture as uint8 `[size, size, 3]`; the torch-free half of `read_image`."""
    if size < 1:
        raise ImageError(f"size {size}", "a size of at least 1 pixel", code="image:size")
    data, name = _bytes_of(source)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            _check_limits(picture, name)
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            flat = _flattened(upright)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(name, "far more pixels than that") from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name}, which is not a picture in a known format",
            "a JPEG, PNG or WebP picture",
            "save it in one of these formats and try again",
            code="image:format",
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:  # what Pillow's decoders raise
        raise ImageError(
            f"{name}, which breaks off or is damaged ({error})",
            "a whole JPEG, PNG or WebP picture",
            "export or download it again",
            code="image:damaged",
        ) from error
    square = ImageOps.fit(flat, (size, size), method=Image.Resampling.LANCZOS)
    return np.array(square, dtype=np.uint8)  # [size, size, 3]


def to_uint8(images: torch.Tensor) -> npt.NDArray[np.uint8]:
    """Round float images `[B, 3, H, W]` in [-1, 1] to uint8 `[B, H, W, 3]`, clamping what lies outside."""
    import torch

    if images.ndim != 4 or images.shape[1] != 3:
        raise ShapeError(f"images of shape {list(images.shape)}", "[B, 3, H, W]", code="shape:images")
    scaled = ((images.detach().to("cpu", torch.float32) + 1.0) * 127.5).round().clamp(0, 255)
    pixels: npt.NDArray[np.uint8] = scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    return pixels  # [B, H, W, 3]


def write_image(
    path: str | os.PathLike[str], image: torch.Tensor | npt.NDArray[np.uint8], *, quality: int = 95
) -> None:
    """Write one picture, `[3, H, W]` or `[1, 3, H, W]` floats in [-1, 1] or uint8 `[H, W, 3]`.

    The ending of `path` names the format: .png, .jpg, .jpeg or .webp; `quality` is of the last three.
    """
    target = Path(path)
    if target.suffix.lower() not in {".png", ".jpg", ".jpeg", ".webp"}:
        raise ImageError(
            f"the file name {target.name!r}", "a name ending in .png, .jpg or .webp", code="image:ending"
        )
    pixels = image if isinstance(image, np.ndarray) else _one_picture(image)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ShapeError(
            f"an array of shape {list(pixels.shape)} and type {pixels.dtype}",
            "uint8 [H, W, 3]",
            code="shape:images",
        )
    options: dict[str, Any] = (
        {"quality": quality} if target.suffix.lower() in {".jpg", ".jpeg", ".webp"} else {}
    )
    try:
        Image.fromarray(pixels).save(target, **options)
    except OSError as error:
        raise ImageError(
            f"{target}, which cannot be written ({error.strerror or error})",
            "a folder that exists and may be written to",
            code="image:write",
        ) from error


def check_images(images: torch.Tensor, resolution: int, *, name: str = "images") -> None:
    """Raise ShapeError unless `images` is float `[B >= 1, 3, resolution, resolution]`, finite and within [-1,
    1].
    """
    import torch

    wanted = f"float32 [B, 3, {resolution}, {resolution}] in [-1, 1]"
    if not isinstance(images, torch.Tensor):
        raise ShapeError(
            f"{name} of type {type(images).__name__}", f"a torch tensor, {wanted}", code="shape:images"
        )
    if images.ndim != 4 or images.shape[0] < 1 or tuple(images.shape[1:]) != (3, resolution, resolution):
        raise ShapeError(
            f"{name} of shape {list(images.shape)}",
            wanted,
            "inference.read_image(path, size) gives the right shape",
            code="shape:images",
        )
    if not images.dtype.is_floating_point:
        raise ShapeError(
            f"{name} of type {images.dtype}", wanted, "scale 0..255 to -1..1", code="shape:images"
        )
    low, high = float(images.min()), float(images.max())
    if not (low >= -1.01 and high <= 1.01):  # also true for NaN
        raise ShapeError(
            f"{name} with values from {low:g} to {high:g}",
            wanted,
            "scale the pixels to -1..1",
            code="shape:range",
        )


def _one_picture(image: torch.Tensor) -> npt.NDArray[np.uint8]:
    batch = image[None] if image.ndim == 3 else image
    if batch.ndim != 4 or batch.shape[0] != 1:
        raise ShapeError(
            f"images of shape {list(image.shape)}", "one picture, [3, H, W]", code="shape:images"
        )
    pixels: npt.NDArray[np.uint8] = to_uint8(batch)[0]
    return pixels  # [H, W, 3]


def _bytes_of(source: PathOrBytes) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        data, name = source, "bytes"
    else:
        path = Path(source)
        name = path.name or str(path)
        try:
            if path.stat().st_size > MAX_BYTES:
                raise ImageError(
                    f"{name} of {path.stat().st_size // 2**20} MiB",
                    f"at most {MAX_BYTES // 2**20} MiB",
                    code="image:bytes",
                )
            data = path.read_bytes()
        except OSError as error:
            raise ImageError(
                f"{path}, which cannot be read ({error.strerror or error})",
                "the path of a picture file",
                code="image:read",
            ) from error
    if len(data) > MAX_BYTES:
        raise ImageError(
            f"{name} of {len(data) // 2**20} MiB", f"at most {MAX_BYTES // 2**20} MiB", code="image:bytes"
        )
    return data, name


def _check_limits(picture: Image.Image, name: str) -> None:
    """Only the header has been read here, so a pixel bomb costs nothing."""
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise _too_large(name, f"{width} x {height} pixels")
    if width < 1 or height < 1:
        raise ImageError(f"{name} of {width} x {height} pixels", "a picture with pixels", code="image:empty")


def _too_large(name: str, size: str) -> ImageError:
    return ImageError(
        f"{name} of {size}",
        f"at most {MAX_PIXELS // 1_000_000} megapixels",
        "make it smaller",
        code="image:pixels",
    )


def _flattened(picture: Image.Image) -> Image.Image:
    """RGB on white; 16-bit and 32-bit grey are scaled, for Pillow's own conversion would only clip them."""
    if picture.mode.startswith(("I", "F")):
        grey = np.asarray(picture, dtype=np.float64)
        return Image.fromarray((grey / 65535.0 * 255.0).round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if picture.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        ground = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(ground, layered).convert("RGB")
    return picture.convert("RGB")
