"""Pictures: what is refused and why, what is kept of an upload, who may see it, what deletion deletes."""

from __future__ import annotations

import errno
import io
import re
import struct
import uuid
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from PIL import Image, ImageCms

from direction_commons.accounts.models import User
from direction_commons.errors import UserError
from direction_commons.media import pictures, services
from direction_commons.media.models import StoredImage
from direction_commons.media.services import (
    image_delete,
    image_intake,
    image_keep,
    image_read,
    images_written,
)
from direction_commons.media.storage import DurableFileSystemStorage
from direction_commons.media.tasks import clean
from tests.conftest import image_store
from tests.platform_.conftest import wait_for_a_blocked_lock

pytestmark = pytest.mark.django_db
Picture = Callable[..., bytes]


def files() -> set[str]:
    root = Path(default_storage.location)  # type: ignore[attr-defined]
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def refused(data: bytes) -> UserError:
    with pytest.raises(UserError) as caught:
        image_intake(owner=None, data=data)
    assert StoredImage.objects.count() == 0
    assert files() == set()
    assert caught.value.message
    assert caught.value.todo
    return caught.value


def image_of(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def pixels_of(image: StoredImage) -> np.ndarray[Any, Any]:
    """uint8 [H, W, 3] of what is stored."""
    return np.asarray(image_of(image_read(image)).convert("RGB"))


# --- refusals ------------------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, pixels: bytes = b"") -> bytes:
    """A PNG that says this size, whatever its pixels are."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(pixels or bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b"")


def animation(family: str) -> bytes:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "green", "blue")]
    stream = io.BytesIO()
    frames[0].save(stream, family, save_all=True, append_images=frames[1:], duration=100)
    return stream.getvalue()


def archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as out:
        out.writestr("evil.html", "<script>alert(1)</script>")
    return stream.getvalue()


@pytest.mark.parametrize("name", ["GIF", "BMP", "TIFF", "PPM"])
def test_other_formats_are_refused_by_content(picture: Picture, name: str) -> None:
    assert refused(picture(name)).code == "media:not-a-picture"


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<html>" * 100,
        b"%PDF-1.7\n" + bytes(100),
        b"RIFF" + struct.pack("<I", 40) + b"AVI " + bytes(36),
        b"\0" * 1000,
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    error = refused(data)
    assert (error.code, error.status) == ("media:not-a-picture", 415)


def test_an_empty_file_is_refused() -> None:
    assert refused(b"").code == "media:empty"


def test_a_file_of_more_than_ten_megabytes_is_refused_with_both_sizes(picture: Picture) -> None:
    error = refused(picture() + bytes(11 * 1024**2))
    assert (error.code, error.status) == ("media:too-large", 413)
    assert "11.0 MB" in error.message
    assert "10 MB" in error.message


@pytest.mark.parametrize(("width", "height"), [(5001, 5000), (60_000, 60_000), (20_000, 40)])
def test_too_many_pixels_are_refused_before_decoding(
    monkeypatch: pytest.MonkeyPatch, width: int, height: int
) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    assert refused(png_of(width, height)).code == "media:too-many-pixels"


def test_a_huge_webp_is_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (6000, 5000)).save(stream, "WEBP", lossless=True, method=0)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    assert refused(stream.getvalue()).code == "media:too-many-pixels"


def test_a_tiny_picture_is_refused(picture: Picture) -> None:
    error = refused(picture(size=(31, 200)))
    assert error.code == "media:too-small"
    assert "31 x 200" in error.message


@pytest.mark.parametrize("family", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.999])
def test_a_picture_that_is_cut_off_is_refused(picture: Picture, family: str, share: float) -> None:
    data = picture(family, size=(200, 160))
    assert refused(data[: int(len(data) * share)]).code in ("media:truncated", "media:corrupt")


def test_a_damaged_picture_is_refused(picture: Picture) -> None:
    data = bytearray(picture("PNG", size=(200, 160)))
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    assert refused(bytes(data)).code == "media:corrupt"


def test_a_png_that_promises_more_than_it_holds_is_refused() -> None:
    assert refused(png_of(500, 500)).code == "media:corrupt"


@pytest.mark.parametrize("family", ["PNG", "WEBP"])
def test_an_animation_is_refused(family: str) -> None:
    error = refused(animation(family))
    assert error.code == "media:animated"
    assert "3 frames" in error.message


@pytest.mark.parametrize("family", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("tail", [archive(), b"<script>alert(1)</script>", b"%PDF-1.7 ..."])
def test_a_second_file_behind_the_picture_is_refused(picture: Picture, family: str, tail: bytes) -> None:
    assert refused(picture(family) + tail).code == "media:trailing-data"


def test_a_second_file_before_the_picture_is_refused(picture: Picture) -> None:
    assert refused(b"<html><!--" + picture("JPEG")).code == "media:not-a-picture"


def test_megabytes_of_fill_bytes_are_read_once(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any number of 0xff may stand before a marker; 32 kB of them once held a process for a minute."""
    marker, looked_at = pictures._JPEG_MARKER, 0
    assert not set(b"*+?{") & set(marker.pattern), "of one width: no byte can be tried in many ways"

    class Counting:
        def search(self, data: bytes, position: int) -> re.Match[bytes] | None:
            nonlocal looked_at
            found = marker.search(data, position)
            looked_at += (found.end() if found else len(data)) - position
            return found

    monkeypatch.setattr(pictures, "_JPEG_MARKER", Counting())
    whole = picture("JPEG")
    filled = whole[:2] + b"\xff" * 2_000_000 + whole[2:]
    assert refused(filled).code == "media:too-many-segments"
    assert 2_000_000 < looked_at <= len(filled)
    looked_at = 0
    endless = whole[:2] + b"\xff\xe0\x00\x02" + b"\xff" * 2_000_000 + b"\x00"
    assert refused(endless).code == "media:truncated"
    assert 2_000_000 < looked_at <= len(endless)


def test_a_jpeg_of_thousands_of_scans_is_refused(picture: Picture) -> None:
    data = picture("JPEG", progressive=True)
    start = data.index(b"\xff\xda")
    end = data.index(b"\xff", start + 2 + struct.unpack(">H", data[start + 2 : start + 4])[0])
    many = data[:start] + data[start:end] * 1000 + data[end:]
    assert refused(many).code == "media:too-many-scans"


@pytest.mark.parametrize(
    "padding", [b"\xff\xe5\x00\x02", b"\xff\xfe\x00\x02", b"\xff\x01", b"\xff\x00", b"\xff\xd0"]
)
def test_a_jpeg_of_a_hundred_thousand_segments_is_refused_before_decoding(
    picture: Picture, padding: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "open", lambda *args, **more: pytest.fail("decoded"))
    whole = picture("JPEG")
    assert refused(whole[:2] + padding * 100_000 + whole[2:]).code == "media:too-many-segments"


def test_a_png_of_a_hundred_thousand_chunks_is_refused_before_decoding(
    picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "open", lambda *args, **more: pytest.fail("decoded"))
    whole = picture("PNG")
    many = whole[:33] + chunk(b"teSt", b"") * 100_000 + whole[33:]
    assert refused(many).code == "media:too-many-segments"


def test_the_longest_colour_profile_and_small_chunks_are_accepted(picture: Picture) -> None:
    jpeg, png = picture("JPEG"), picture("PNG")
    profile = b"\xff\xe2\x00\x12ICC_PROFILE\0\x01\xff.."
    assert image_intake(owner=None, data=jpeg[:2] + profile * 255 + jpeg[2:]).width == 64
    assert image_intake(owner=None, data=png[:33] + chunk(b"teSt", b"x") * 1500 + png[33:]).width == 64


def test_too_many_megapixels_read_as_more_than_are_accepted() -> None:
    assert "25.1 megapixels" in refused(png_of(5001, 5000)).message
    assert "25 megapixels" in refused(png_of(60_000, 60_000)).message


def test_what_cameras_append_is_accepted(picture: Picture) -> None:
    jpeg = picture("JPEG")
    for tail in (b"\0" * 64, jpeg, b"\0\0\0\x18ftypmp42" + bytes(100), b"SEFH....SEFT"):
        assert image_intake(owner=None, data=jpeg + tail).width == 64


# --- what is kept --------------------------------------------------------------------------------------


def with_metadata(picture: Picture, family: str) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "a secret description"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0)})
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>secret xmp</x:xmpmeta>"
    more = {"comment": b"secret comment"} if family == "JPEG" else {}
    return picture(family, exif=exif, xmp=xmp, **more)


@pytest.mark.parametrize("family", ["JPEG", "PNG", "WEBP"])
def test_no_metadata_survives(picture: Picture, ada: User, family: str) -> None:
    data = with_metadata(picture, family)
    assert b"secret" in data
    assert image_of(data).getexif().get_ifd(0x8825), (
        "the upload must have a place for the test to mean anything"
    )
    kept = image_read(image_intake(owner=ada, data=data))
    assert b"secret" not in kept
    assert not image_of(kept).getexif()
    assert set(image_of(kept).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_large_jpeg_is_kept_without_metadata_and_with_small_differences(ada: User) -> None:
    from tests.platform_.conftest import pixels

    plain = Image.fromarray(pixels((1200, 1000), 0))
    changed = plain.copy()
    changed.paste((200, 60, 60), (600, 500, 612, 508))
    kept = []
    for one in (plain, changed):
        stream = io.BytesIO()
        exif = Image.Exif()
        exif[0x010E] = "secret"
        one.save(stream, "JPEG", quality=92, exif=exif)
        image = image_intake(owner=ada, data=stream.getvalue())
        assert image.content_type == "image/jpeg"
        assert b"secret" not in image_read(image)
        kept.append((np.asarray(image_of(stream.getvalue())).astype(int), pixels_of(image).astype(int)))
    (sent0, kept0), (sent1, kept1) = kept
    lost = np.abs((kept1 - kept0) - (sent1 - sent0))
    assert lost.mean() < 0.2
    assert np.abs(kept0 - sent0).mean() < 1.5


def test_a_png_and_a_small_jpeg_are_kept_pixel_by_pixel(picture: Picture, ada: User) -> None:
    for family in ("PNG", "JPEG", "WEBP"):
        data = picture(family, seed=3)
        image = image_intake(owner=ada, data=data)
        np.testing.assert_array_equal(pixels_of(image), np.asarray(image_of(data).convert("RGB")))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_cameras_orientation_is_applied(ada: User, orientation: int) -> None:
    from PIL import ImageOps

    upright = Image.new("RGB", (60, 40), "white")
    upright.paste((255, 0, 0), (0, 0, 30, 20))  # red: upper left
    undo = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = undo[orientation]
        carrier = upright.copy()
        carrier.info["exif"] = exif.tobytes()
        stored = ImageOps.exif_transpose(carrier)
    else:
        stored = upright
    exif[0x0112] = orientation
    stream = io.BytesIO()
    stored.save(stream, "PNG", exif=exif)
    kept = pixels_of(image_intake(owner=ada, data=stream.getvalue()))
    np.testing.assert_array_equal(kept, np.asarray(upright))


def test_metadata_that_cannot_be_read_is_left_out_and_the_picture_kept(picture: Picture, ada: User) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    good = exif.tobytes()
    for damaged in (
        b"Exif\0\0II*\0\xff\xff\xff\x7f",
        b"Exif\0\0nonsense",
        good[:-5],
        good[:8] + b"\xff" * 20,
    ):
        for family in ("JPEG", "PNG", "WEBP"):
            kept = image_intake(owner=ada, data=picture(family, exif=damaged))
            assert sorted((kept.width, kept.height)) == [48, 64]


def test_transparency_becomes_white(ada: User) -> None:
    clear = Image.new("RGBA", (64, 64), (200, 0, 0, 0))
    clear.paste((0, 0, 200, 255), (32, 0, 64, 64))
    palette = clear.convert("P")
    palette.info["transparency"] = palette.getpixel((0, 0))
    for one in (clear, palette):
        stream = io.BytesIO()
        one.save(stream, "PNG")
        kept = pixels_of(image_intake(owner=ada, data=stream.getvalue()))
        assert kept[5, 5].tolist() == [255, 255, 255]
        assert kept[5, 50].tolist()[0] < 60 < kept[5, 50].tolist()[2]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_becomes_rgb(ada: User, mode: str) -> None:
    ramp = np.tile(np.linspace(0, 255, 64), (40, 1))  # [40, 64]
    if mode == "I;16":
        one = Image.fromarray((ramp * 257).astype(np.uint16))
    else:
        one = Image.fromarray(ramp.astype(np.uint8)).convert("RGB").convert(mode)
    stream = io.BytesIO()
    one.save(stream, "PNG")
    kept = pixels_of(image_intake(owner=ada, data=stream.getvalue())).astype(int)
    assert kept.shape == (40, 64, 3)
    assert kept[:, :8].mean() < 40
    assert kept[:, -8:].mean() > 215


def test_a_cmyk_jpeg_becomes_rgb(ada: User) -> None:
    stream = io.BytesIO()
    Image.new("CMYK", (64, 64), (0, 255, 255, 0)).save(stream, "JPEG", quality=95)
    red = pixels_of(image_intake(owner=ada, data=stream.getvalue()))[10, 10].tolist()
    assert red[0] > 220
    assert max(red[1:]) < 60


def test_colours_of_another_profile_become_srgb(ada: User) -> None:
    """A grey of 128 in a linear-light profile is 188 in sRGB."""
    linear = _linear_profile()
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (128, 128, 128)).save(stream, "PNG", icc_profile=linear)
    kept = pixels_of(image_intake(owner=ada, data=stream.getvalue()))
    assert kept[0, 0].tolist() == pytest.approx([188, 188, 188], abs=2)


def _linear_profile() -> bytes:
    """sRGB's profile with its three tone curves replaced by the identity."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack(">I", data[128:132])
    for n in range(count):
        at = 132 + 12 * n
        name, offset, _ = struct.unpack(">4sII", data[at : at + 12])
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            data[offset : offset + 12] = b"curv" + bytes(8)
            data[at + 8 : at + 12] = struct.pack(">I", 12)
    return bytes(data)


def test_an_srgb_profile_changes_no_pixel_and_a_broken_one_neither(picture: Picture, ada: User) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    want = np.asarray(image_of(picture(seed=5)))
    for profile in (srgb, b"this is no profile"):
        kept = pixels_of(image_intake(owner=ada, data=picture(seed=5, icc_profile=profile)))
        np.testing.assert_array_equal(kept, want)


def test_the_same_picture_of_one_person_is_one_row_and_of_two_people_two(
    picture: Picture, ada: User, bob: User
) -> None:
    first = image_intake(owner=ada, data=picture())
    assert image_intake(owner=ada, data=picture()).pk == first.pk
    other = image_intake(owner=bob, data=picture())
    assert (other.pk != first.pk, other.sha256 == first.sha256) == (True, True)
    assert files() == {first.path, other.path}
    assert {first.path, other.path} == {f"{one.pk}/{first.sha256}" for one in (ada, bob)}


def test_pictures_of_the_program_are_lossless_and_may_be_public(ada: User) -> None:
    array = np.random.default_rng(0).integers(0, 255, (40, 200, 3), dtype=np.uint8)
    image = image_store(owner=None, array=array, public=True)
    assert (image.kind, image.public, image.path) == ("derived", True, f"commons/{image.sha256}")
    np.testing.assert_array_equal(pixels_of(image), array)
    with pytest.raises(TypeError, match="float32"):
        image_store(owner=None, array=array.astype(np.float32))  # type: ignore[arg-type]


def test_the_quota_counts_uploads_and_says_both_numbers(picture: Picture, ada: User, settings: Any) -> None:
    image_store(owner=ada, array=np.zeros((400, 400, 3), np.uint8))
    settings.QUOTA_BYTES = 20_000
    first = image_intake(owner=ada, data=picture())
    settings.QUOTA_BYTES = first.size + 100
    with pytest.raises(UserError, match="MB of") as caught:
        image_intake(owner=ada, data=picture(seed=1))
    assert (caught.value.code, caught.value.status) == ("media:quota", 403)


def test_a_written_picture_that_is_not_kept_leaves_no_file(ada: User) -> None:
    one, other = (np.full((40, 40, 3), value, np.uint8) for value in (1, 2))
    with images_written(owner=ada, arrays=[one, other]) as written:
        assert len(files()) == 2
        kept = image_keep(written=written[0])
    assert files() == {kept.path}

    def keeps_and_fails() -> None:
        with images_written(owner=ada, arrays=[one, other]) as again:
            assert image_keep(written=again[0]) == kept
            raise RuntimeError

    with pytest.raises(RuntimeError):
        keeps_and_fails()
    assert files() == {kept.path}, "the row was there before: its file stays"


@pytest.mark.django_db(transaction=True)
def test_a_picture_that_is_deleted_between_file_and_row_keeps_its_file(
    ada: User, other_connection: Callable[..., Any]
) -> None:
    """The same picture again: its old row goes while the worker is between writing and saving."""
    array = np.full((40, 40, 3), 7, np.uint8)
    old = image_store(owner=ada, array=array)
    with images_written(owner=ada, arrays=[array]) as written:
        deleting = other_connection(lambda: image_delete(image=StoredImage.objects.get(pk=old.pk)))
        wait_for_a_blocked_lock()
        assert not StoredImage.objects.exists()
        new = image_keep(written=written[0])
    assert deleting.result(10)
    assert new.pk != old.pk
    assert files() == {new.path}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone() == (0,)


# --- the disk ------------------------------------------------------------------------------------------


def test_a_full_disk_is_told_and_leaves_nothing(
    picture: Picture, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError) as caught:
        image_intake(owner=ada, data=picture())
    assert (caught.value.code, caught.value.status) == ("media:disk-full", 507)
    assert (files(), StoredImage.objects.count()) == (set(), 0)


def test_another_error_of_the_disk_is_ours_and_not_the_persons(
    picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> str:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(DurableFileSystemStorage, "save", broken)
    with pytest.raises(OSError, match="Input/output"):
        image_intake(owner=None, data=picture())


def test_the_file_is_on_disk_before_the_row_commits(
    picture: Picture, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []
    save = StoredImage.save

    def watched(self: StoredImage, **options: Any) -> None:
        seen.append(files())
        save(self, **options)

    monkeypatch.setattr(StoredImage, "save", watched)
    image = image_intake(owner=ada, data=picture())
    assert seen == [{image.path}]


# --- who may see it ------------------------------------------------------------------------------------


def test_a_private_picture_is_its_owners_alone(
    client: Client, picture: Picture, ada: User, bob: User, bearer: Callable[[User], dict[str, str]]
) -> None:
    image = image_intake(owner=ada, data=picture())
    url = f"/media/{image.pk}/"
    nobodys = uuid.uuid4()
    absent = client.get(f"/media/{nobodys}/", headers=bearer(bob))
    anonymous, foreign = client.get(url), client.get(url, headers=bearer(bob))
    assert (absent.status_code, anonymous.status_code, foreign.status_code) == (404, 404, 404)
    assert foreign.content.replace(str(image.pk).encode(), str(nobodys).encode()) == absent.content
    mine = client.get(url, headers=bearer(ada))
    assert b"".join(mine.streaming_content) == image_read(image)  # type: ignore[attr-defined]
    client.force_login(ada)
    assert client.get(url).status_code == 200
    client.force_login(bob)
    assert client.get(url).status_code == 404


def test_a_wrong_token_is_a_401_also_outside_of_the_api(client: Client, picture: Picture) -> None:
    image = image_intake(owner=None, data=picture(), public=False)
    answer = client.get(f"/media/{image.pk}/", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401


def test_headers_and_revalidation(client: Client, picture: Picture, ada: User, bob: User) -> None:
    image = image_intake(owner=ada, data=picture())
    url = f"/media/{image.pk}/"
    client.force_login(ada)
    first = client.get(url)
    assert first["Content-Type"] == "image/png"
    assert first["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in first["Content-Security-Policy"]
    assert first["Cache-Control"] == "private, no-cache"
    again = client.get(url, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    client.force_login(bob)
    assert client.get(url, headers={"If-None-Match": first["ETag"]}).status_code == 404


def test_a_public_picture_is_everybodys_and_cached_without_a_session(
    client: Client, picture: Picture
) -> None:
    image = image_intake(owner=None, data=picture(), public=True)
    answer = client.get(f"/media/{image.pk}/")
    assert answer.status_code == 200
    assert answer["Cache-Control"].startswith("public")
    assert "Vary" not in answer
    assert client.post(f"/media/{image.pk}/").status_code == 405


def test_smaller_copies_of_a_large_picture(client: Client, picture: Picture, ada: User) -> None:
    image = image_intake(owner=ada, data=picture(size=(900, 700)))
    client.force_login(ada)

    def width(query: str) -> int:
        answer = client.get(f"/media/{image.pk}/{query}")
        return image_of(b"".join(answer.streaming_content)).width  # type: ignore[attr-defined]

    assert [width(query) for query in ("", "?w=512", "?w=256", "?w=128", "?w=64")] == [
        900,
        512,
        256,
        256,
        256,
    ]
    assert client.get(f"/media/{image.pk}/?w=333").status_code == 400


# --- deletion ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_deleting_deletes_the_file_on_commit_and_not_after_a_rollback(picture: Picture, ada: User) -> None:
    image = image_intake(owner=ada, data=picture(size=(900, 700)))
    assert len(files()) == 3

    def undone() -> None:
        with transaction.atomic():
            image_delete(image=StoredImage.objects.get(pk=image.pk))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        undone()
    assert len(files()) == 3
    assert image_delete(image=image)
    assert files() == set()


@pytest.mark.django_db(transaction=True)
def test_deleting_a_person_deletes_their_files_and_no_others(picture: Picture, ada: User, bob: User) -> None:
    image_intake(owner=ada, data=picture())
    kept = image_intake(owner=bob, data=picture())
    ada.delete()
    assert files() == {kept.path}


@pytest.mark.django_db(transaction=True)
def test_a_picture_that_comes_back_while_it_is_deleted_keeps_its_file(
    picture: Picture, ada: User, other_connection: Callable[..., Any]
) -> None:
    image = image_intake(owner=ada, data=picture())
    with transaction.atomic():
        services._lock(image.path)  # an intake of the same picture that has not committed yet
        deleting = other_connection(lambda: image_delete(image=StoredImage.objects.get(pk=image.pk)))
        wait_for_a_blocked_lock()
        assert files() == {image.path}
        again = StoredImage.objects.create(
            owner=ada, sha256=image.sha256, content_type="image/png", width=64, height=48, size=1
        )
    assert deleting.result(10)
    assert files() == {again.path}


@pytest.mark.django_db(transaction=True)
def test_a_picture_that_is_being_used_again_is_not_deleted_under_its_user(
    picture: Picture, ada: User, other_connection: Callable[..., Any]
) -> None:
    from directions.studio.models import Photo

    image = image_intake(owner=ada, data=picture())
    with transaction.atomic():
        again = image_intake(owner=ada, data=picture())
        deleting = other_connection(lambda: image_delete(image=StoredImage.objects.get(pk=image.pk)))
        wait_for_a_blocked_lock()
        Photo.objects.create(owner=ada, image=again)
    assert deleting.result(10) is False
    assert Photo.objects.get().image == image
    assert files() == {image.path}


@pytest.mark.django_db(transaction=True)
def test_a_picture_that_is_sent_again_while_its_row_is_deleted_gets_a_new_row(
    picture: Picture, ada: User, other_connection: Callable[..., Any]
) -> None:
    image = image_intake(owner=ada, data=picture())
    with transaction.atomic():
        assert image_delete(image=StoredImage.objects.get(pk=image.pk))
        sending = other_connection(lambda: image_intake(owner=ada, data=picture()))
        wait_for_a_blocked_lock()
    again = sending.result(10)
    assert again.pk != image.pk
    assert files() == {again.path}
    assert image_read(again)


@pytest.mark.django_db(transaction=True)
def test_a_picture_that_something_holds_stays(picture: Picture, ada: User) -> None:
    from directions.studio.models import Photo

    image = image_intake(owner=ada, data=picture())
    photo = Photo.objects.create(owner=ada, image=image)
    assert not image_delete(image=image)
    assert StoredImage.objects.filter(pk=image.pk).exists()
    photo.delete()
    assert image_delete(image=image)


@pytest.mark.django_db(transaction=True)
def test_the_clean_up_takes_orphans_and_nothing_else(picture: Picture, ada: User) -> None:
    from directions.studio.models import Photo

    held = image_intake(owner=ada, data=picture(size=(900, 700)))
    Photo.objects.create(owner=ada, image=held)
    unheld = image_intake(owner=ada, data=picture(seed=1))
    root = Path(default_storage.location)  # type: ignore[attr-defined]
    (root / str(ada.pk) / ("0" * 64)).write_bytes(b"an orphan")
    (root / str(ada.pk) / ".half.written").write_bytes(b"a half-written file")
    before = files()
    clean()
    call_command("media_clean")
    assert files() == before, "everything is young: a request may be at work on it"
    call_command("media_clean", "--older-than", "0")
    assert files() == {held.path, *held.preview_paths()}
    assert not StoredImage.objects.filter(pk=unheld.pk).exists()


def test_beat_rings_every_clean_up_and_each_of_them_exists() -> None:
    from direction_commons.config.celery import app

    app.loader.import_default_modules()
    rung = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {"media.clean", "jobs.forget", "api.forget", "accounts.forget-usage"} <= rung
    assert rung <= set(app.tasks)


def test_the_limits_are_those_of_the_settings(settings: Any) -> None:
    assert (settings.MEDIA_MAX_BYTES, settings.MEDIA_MAX_PIXELS) == (10 * 1024**2, 25_000_000)
    assert pictures.MIN_SIDE == 32


def test_a_persons_public_picture_is_asked_for_again_each_time(
    client: Client, ada: User, picture: Picture
) -> None:
    """It may be withdrawn: nobody in between may go on showing it. What the program made may be kept."""
    own = image_intake(owner=ada, data=picture(seed=1), public=True)
    ours = image_store(owner=None, array=np.zeros((32, 32, 3), dtype=np.uint8), public=True)
    assert client.get(f"/media/{own.pk}/").headers["Cache-Control"] == "private, no-cache"
    assert "immutable" in client.get(f"/media/{ours.pk}/").headers["Cache-Control"]


def test_cleaning_leaves_folders_that_are_not_ours_alone() -> None:
    foreign = Path(default_storage.location) / "lost+found" / "x"  # type: ignore[attr-defined]
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"x")
    assert services.images_clean(older_than=-1) == (0, 0)
    assert foreign.exists()


@pytest.mark.django_db(transaction=True)
def test_the_empty_folder_of_a_person_who_is_gone_goes_with_the_next_cleaning(
    picture: Picture, ada: User, bob: User
) -> None:
    folders = [Path(default_storage.path(str(person.pk))) for person in (ada, bob)]
    for person in (ada, bob):
        image_delete(image=image_intake(owner=person, data=picture()))
    ada.delete()
    call_command("media_clean")
    assert [folder.exists() for folder in folders] == [False, True]
