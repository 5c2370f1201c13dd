"""Pictures in and out of the commons: intake of uploads, storing of derived ones, deletion that deletes.

A file is on disk before the row that names it commits, and goes only after the row's deletion committed. Both
sides hold the same advisory lock on the file's name, so that a picture which is sent again while it is being
deleted keeps its file. Nothing is shared between people: the address is `<owner>/<sha256>`.

A worker writes its files before it opens the transaction that saves its results (`images_written`), and names
them inside it (`image_keep`): a storage behind a network is not waited for with rows locked.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import structlog
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import connection, models, transaction
from django.db.models import Sum
from django.db.models.functions import Now
from django.utils import timezone
from numpy.typing import NDArray

from direction_commons.accounts.models import User
from direction_commons.accounts.quotas import quota_check
from direction_commons.errors import NO_ROOM, UserError
from direction_commons.media import pictures
from direction_commons.media.models import COMMONS, StoredImage

log = structlog.get_logger(__name__)

# 25 megapixels take some hundreds of megabytes while they are decoded: so many at once in a process.
_decoding = threading.BoundedSemaphore(2)


def image_intake(
    *,
    owner: User | None,
    data: bytes | UploadedFile[Any],
    kind: str = StoredImage.Kind.UPLOAD,
    public: bool = False,
) -> StoredImage:
    """Checks, re-encodes and keeps an upload; the same picture of the same person gives the same row.

    Raises UserError: what `pictures.picture_open` refuses, "media:quota" (403), "media:disk-full" (507).
    """
    if isinstance(data, UploadedFile):
        if data.size is not None and data.size > settings.MEDIA_MAX_BYTES:
            raise pictures.too_large(data.size)
        content: bytes = data.read()
    else:
        content = data
    with _decoding:
        picture, lossless = pictures.picture_open(content)
        encoded = pictures.encode_upload(picture, lossless=lossless)
        previews = pictures.encode_previews(picture)
        del picture
    if owner is not None and kind == StoredImage.Kind.UPLOAD:
        uploads = StoredImage.objects.filter(owner=owner, kind=StoredImage.Kind.UPLOAD)
        quota_check(
            what="of pictures",
            used=uploads.aggregate(total=Sum("size"))["total"] or 0,
            more=encoded.size,
            limit=settings.QUOTA_BYTES,
            todo="Delete photos or pairs that you no longer need.",
            code="media:quota",
            shown=lambda size: f"{size / 1024**2:.0f} MB",
        )
    written = _written(owner, encoded, kind=kind, public=public)
    with _files([written], {written.image.preview_path(side): data for side, data in previews.items()}):
        return image_keep(written=written)


@dataclass
class Written:
    """A picture whose file is on disk and whose row `image_keep` makes, or finds."""

    image: StoredImage
    data: bytes = field(repr=False)
    kept: bool = False


@contextmanager
def images_written(
    *, owner: User | None, arrays: Sequence[NDArray[np.uint8]], public: bool = False
) -> Iterator[list[Written]]:
    """Writes pictures that the program made, each uint8 [H, W, 3], without loss; they count towards no quota.

    Enter it before the transaction that saves the results, and call `image_keep` for each inside. What was
    not kept when the block ends (the claim was lost, the picture withdrawn) leaves no file.
    """
    written = [
        _written(owner, pictures.encode_array(array), kind=StoredImage.Kind.DERIVED, public=public)
        for array in arrays
    ]
    with _files(written, {}):
        yield written


def image_keep(*, written: Written) -> StoredImage:
    """The row of a written picture: a new one, or that of the same picture of the same owner."""
    image = written.image
    with transaction.atomic():
        # Ours already, until the files' block ends; from here on until the transaction does.
        _lock(image.path)
        # Waits for who is just deleting it; whoever wants to delete it next waits for us, and finds it held.
        rows = StoredImage.objects.select_for_update(no_key=True)
        same = rows.filter(owner=image.owner, sha256=image.sha256).first()
        if same is None:
            image.save(force_insert=True)
        elif image.public and not same.public:
            same.public = True
            same.save(update_fields=["public"])
    written.kept = True
    kept = same or image
    log.info("media.kept", image=str(kept.pk), bytes=image.size, new=same is None)
    return kept


def image_read(image: StoredImage) -> bytes:
    """The encoded file."""
    with default_storage.open(image.path) as stream:
        return bytes(stream.read())


def image_delete(*, image: StoredImage) -> bool:
    """Deletes the picture unless something still holds it; answers whether it is gone.

    Everything that points at a picture holds it, except what is derived from it (`register_follower`), which
    goes with it.
    """
    with transaction.atomic():
        # Waits for who is about to point at it (an intake of the same picture, a pair), and then asks.
        if StoredImage.objects.select_for_update().filter(pk=image.pk).first() is None:
            return True
        if images_held([image]):
            return False
        image.delete()
        return True


_followers: set[tuple[str, str]] = set()


def register_follower(model: type[models.Model], field: str) -> None:
    """Rows of `model` are derived from the picture in `field`: they do not hold it, they go with it."""
    _followers.add((model._meta.label, field))


def images_held(images: list[StoredImage]) -> set[Any]:
    """The ids of those pictures that something points at and holds."""
    held: set[Any] = set()
    for relation in StoredImage._meta.get_fields(include_hidden=True):  # hidden: those with related_name="+"
        if not isinstance(relation, models.ForeignObjectRel):
            continue
        model, field = relation.related_model, relation.field.name
        if (model._meta.label, field) not in _followers:
            pointing = model._default_manager.filter(**{f"{field}__in": images})
            held.update(pointing.values_list(f"{field}_id", flat=True))
    return held


def _written(owner: User | None, encoded: pictures.Encoded, *, kind: str, public: bool) -> Written:
    """What is to be written, and the row that is to name it; nothing is done yet."""
    image = StoredImage(
        owner=owner,
        sha256=hashlib.sha256(encoded.data).hexdigest(),
        kind=kind,
        content_type=encoded.content_type,
        width=encoded.width,
        height=encoded.height,
        size=encoded.size,
        public=public,
    )
    return Written(image, encoded.data)


@contextmanager
def _files(written: Sequence[Written], more: dict[str, bytes]) -> Iterator[None]:
    """The files of `written` (and `more`, smaller copies) are on disk while the block runs.

    Their names are locked for this connection, across its transactions: what deletes a file of one of these
    names waits until the block, and then the transaction that kept the row, has ended.
    """
    paths = sorted({one.image.path for one in written})
    with connection.cursor() as cursor:
        for path in paths:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 7))", [path])
    try:
        with disk_full_told():
            for name, data in {**{one.image.path: one.data for one in written}, **more}.items():
                default_storage.save(name, ContentFile(data))
        yield
    except BaseException:
        for one in written:
            one.kept = False  # its row went with the transaction
        raise
    finally:
        # Without a connection there is no lock any more, and what is left is the sweep's (`images_clean`).
        if connection.is_usable():
            for one in written:
                if not one.kept:
                    files_forget(image=one.image)
            with connection.cursor() as cursor:
                for path in paths:
                    cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 7))", [path])


def _lock(path: str) -> None:
    """Until the transaction's end, for everybody who writes or deletes the file of this name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [path])


@contextmanager
def disk_full_told() -> Iterator[None]:
    """Turns the operating system's "no space left" into a refusal that a person understands."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in NO_ROOM:
            raise
        log.error("media.disk-full", error=str(exc))
        message = "The commons has no room left on its disk; your picture was not kept."
        todo = "Nothing was lost. Try again later; the operator has been told."
        raise UserError("media:disk-full", message, todo, status=507) from exc


def files_forget(*, image: StoredImage) -> None:
    """Deletes the files of a deleted row, unless the same picture came back meanwhile."""
    with transaction.atomic():
        _lock(image.path)
        if StoredImage.objects.filter(owner=image.owner_id, sha256=image.sha256).exists():
            return
        for name in [image.path, *image.preview_paths()]:
            default_storage.delete(name)


def images_clean(*, older_than: int) -> tuple[int, int]:
    """Deletes pictures that nothing holds and files that no row names, older than so many seconds: (rows,
    files). Empty folders of people who are gone go as well.

    A request that died after its intake leaves the one; one that died between file and row, the other.
    """
    old = list(StoredImage.objects.filter(created_at__lte=Now() - timedelta(seconds=older_than)))
    held = images_held(old)
    rows = sum(image_delete(image=image) for image in old if image.pk not in held)
    files = 0
    before = timezone.now() - timedelta(seconds=older_than)
    folders = default_storage.listdir("")[0] if default_storage.exists("") else []
    for folder in filter(_is_ours, folders):
        for name in default_storage.listdir(folder)[1]:
            path = f"{folder}/{name}"
            if default_storage.get_modified_time(path) <= before:
                files += _orphan_delete(folder, name)
        # Of a person who is gone: nobody writes there any more.
        gone = folder != COMMONS and not User.objects.filter(pk=folder).exists()
        if gone and not any(default_storage.listdir(folder)):
            default_storage.delete(folder)
    return rows, files


def _is_ours(folder: str) -> bool:
    """A person's folder or the program's; a disk's own (lost+found) is none of our business."""
    try:
        return folder == COMMONS or bool(uuid.UUID(folder))
    except ValueError:
        return False


def _orphan_delete(folder: str, name: str) -> bool:
    sha256 = name.split(".")[0]
    whose: dict[str, Any] = {"owner": None} if folder == COMMONS else {"owner_id": folder}
    with transaction.atomic():
        _lock(f"{folder}/{sha256}")
        if StoredImage.objects.filter(**whose, sha256=sha256).exists():
            return False
        default_storage.delete(f"{folder}/{name}")
        return True
