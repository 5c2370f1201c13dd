from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from inference.errors import ImageError, ShapeError
from inference.images import check_images, read_image, read_pixels, to_uint8, write_image


def encoded(picture, format="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, format=format, **options)
    return buffer.getvalue()


def noise(width=40, height=40, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def png_header(width, height):
    """A PNG whose header states a size that its few bytes do not hold: a pixel bomb before it explodes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + b"\0\0\0\0IDAT"
    )


def test_round_trip_is_exact(tmp_path):
    picture = noise()
    picture.save(tmp_path / "a.png")
    images = read_image(tmp_path / "a.png", 40)
    assert images.shape == (1, 3, 40, 40)
    assert images.dtype == torch.float32
    assert np.array_equal(to_uint8(images)[0], np.asarray(picture))
    write_image(tmp_path / "b.png", images)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), np.asarray(picture))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_reads_bytes_of_each_format(format):
    grey = Image.new("RGB", (20, 20), (120, 120, 120))
    assert np.abs(read_pixels(encoded(grey, format), 20).astype(int) - 120).max() <= 3


@pytest.mark.parametrize("format", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_refused(format):
    with pytest.raises(ImageError) as caught:
        read_pixels(encoded(noise(), format), 20)
    assert caught.value.code == "image:format"


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0" * 10])
def test_non_pictures_are_refused(data):
    with pytest.raises(ImageError):
        read_pixels(data, 20)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_picture_that_breaks_off_is_refused(format):
    data = encoded(noise(200, 200), format)
    with pytest.raises(ImageError) as caught:
        read_pixels(data[: len(data) // 2], 20)
    assert caught.value.code == "image:damaged"


@pytest.mark.parametrize("size", [(6000, 5000), (60_000, 60_000)])
def test_pixel_bombs_are_refused_by_their_header(size):
    with pytest.raises(ImageError) as caught:
        read_pixels(png_header(*size), 20)
    assert caught.value.code == "image:pixels"
    assert "25 megapixels" in str(caught.value)


def test_exif_orientation_is_applied():
    picture = Image.new("RGB", (20, 20), (0, 0, 0))
    picture.paste((255, 255, 255), (0, 0, 20, 10))  # white above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise: white goes to the right
    pixels = read_pixels(encoded(picture, "JPEG", exif=exif, quality=95), 20)
    assert pixels[:, 15].mean() > 240
    assert pixels[:, 4].mean() < 15


def test_transparency_is_laid_over_white():
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    assert read_pixels(encoded(clear), 20).min() == 255
    half = Image.new("RGBA", (20, 20), (0, 0, 0, 128))
    assert abs(int(read_pixels(encoded(half), 20).mean()) - 127) <= 1
    palette = Image.new("P", (20, 20), 0)
    assert read_pixels(encoded(palette, transparency=0), 20).min() == 255


def test_sixteen_bit_grey_is_scaled_and_not_clipped():
    deep = Image.fromarray(np.full((20, 20), 32768, dtype=np.uint16))
    assert abs(int(read_pixels(encoded(deep), 20).mean()) - 128) <= 1


def test_the_central_square_is_taken():
    wide = Image.new("RGB", (60, 20), (255, 0, 0))
    wide.paste((0, 0, 255), (20, 0, 40, 20))
    assert (read_pixels(encoded(wide), 20) == (0, 0, 255)).all()


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "nothing.png", tmp_path):
        with pytest.raises(ImageError) as caught:
            read_image(path, 20)
        assert caught.value.code == "image:read"


def test_to_uint8_rounds_and_clamps():
    values = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0]).expand(1, 3, 1, 5)
    assert to_uint8(values)[0, 0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_write_refuses(tmp_path):
    images = torch.zeros(1, 3, 8, 8)
    with pytest.raises(ImageError) as caught:
        write_image(tmp_path / "a.gif", images)
    assert caught.value.code == "image:ending"
    with pytest.raises(ImageError) as caught:
        write_image(tmp_path / "nowhere" / "a.png", images)
    assert caught.value.code == "image:write"
    with pytest.raises(ShapeError):
        write_image(tmp_path / "a.png", torch.zeros(2, 3, 8, 8))


@pytest.mark.parametrize(
    ("images", "code"),
    [
        (torch.zeros(3, 32, 32), "shape:images"),
        (torch.zeros(0, 3, 32, 32), "shape:images"),
        (torch.zeros(1, 1, 32, 32), "shape:images"),
        (torch.zeros(1, 3, 16, 16), "shape:images"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), "shape:images"),
        (np.zeros((1, 3, 32, 32)), "shape:images"),
        (torch.full((1, 3, 32, 32), 255.0), "shape:range"),
        (torch.full((1, 3, 32, 32), torch.nan), "shape:range"),
    ],
)
def test_check_images_says_what_came_and_what_was_wanted(images, code):
    with pytest.raises(ShapeError) as caught:
        check_images(images, 32)
    assert caught.value.code == code
    assert "[B, 3, 32, 32] in [-1, 1]" in str(caught.value)
