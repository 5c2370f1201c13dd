"""Rows that the catalog's and studio's tests stand on: small numbers, no network."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from direction_commons.accounts.models import User
from direction_commons.media.models import StoredImage
from direction_commons.media.services import image_intake
from directions.community.models import Series, Version, VersionStrip, VersionVector
from directions.generators.models import Generator
from directions.inversions.codes import codes_pack, codes_sha256
from directions.inversions.models import Inversion
from directions.pairs.models import Direction, Pair
from directions.semantics.services import semantic_get_or_create
from tests.conftest import image_store

L, D = 3, 4
_numbers = iter(range(10**9))


def a_person(name: str = "") -> User:
    name = name or f"person{next(_numbers)}"
    return User.objects.create_user(username=name, email=f"{name}@example.org", password="a long enough one")


def a_generator(slug: str = "drawn", **more: Any) -> Generator:
    default = not Generator.objects.exists()
    return Generator.objects.create(
        **{
            "slug": slug,
            "title": slug.title(),
            "digest": f"{next(_numbers):064d}",
            "location": "nowhere",
            "family": "stylegan2",
            "space": "W+",
            "resolution": 16,
            "num_layers": L,
            "code_dim": D,
            "thresholds": {"out_of_domain": 0.2},
            "is_default": default,
            **more,
        }
    )


def picture_bytes(seed: int = 0, side: int = 32, format: str = "PNG") -> bytes:
    """Noise that looks like nothing, but is another picture for each seed."""
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


def an_upload(seed: int = 0) -> SimpleUploadedFile:
    return SimpleUploadedFile("photo.png", picture_bytes(seed), content_type="image/png")


def a_picture(owner: User | None, *, public: bool = False) -> StoredImage:
    return image_intake(owner=owner, data=picture_bytes(next(_numbers)), public=public)


def an_inversion(image: StoredImage, generator: Generator, **more: Any) -> Inversion:
    """A finished one, with a code drawn by chance."""
    codes = np.random.default_rng(next(_numbers)).standard_normal((generator.num_layers, generator.code_dim))
    data, shape = codes_pack(codes)
    pixels = np.zeros((generator.resolution, generator.resolution, 3), dtype=np.uint8) + next(_numbers) % 255
    inversion, _ = Inversion.objects.update_or_create(
        image=image,
        generator=generator,
        defaults={
            "state": Inversion.State.READY,
            "codes": data,
            "shape": shape,
            "digest": generator.digest,
            "error": 0.05,
            "psnr": 30.0,
            "reconstruction": image_store(owner=image.owner, array=pixels),
            **more,
        },
    )
    return inversion


def a_unit_vector(generator: Generator) -> tuple[bytes, list[int]]:
    vector = np.random.default_rng(next(_numbers)).standard_normal((generator.num_layers, generator.code_dim))
    return codes_pack(vector / np.linalg.norm(vector))


def a_direction(owner: User, generator: Generator, change: str = "smile", **more: Any) -> Direction:
    """A person's pair with its ready direction."""
    before, after = a_picture(owner), a_picture(owner)
    pair = Pair.objects.create(
        semantic=semantic_get_or_create(name=change, user=owner),
        contributor=owner,
        before=before,
        after=after,
        demonstration=owner.is_demonstration,
    )
    data, shape = a_unit_vector(generator)
    return Direction.objects.create(
        pair=pair,
        generator=generator,
        before_inversion=an_inversion(before, generator),
        after_inversion=an_inversion(after, generator),
        **{
            "state": Direction.State.READY,
            "vector": data,
            "shape": shape,
            "digest": generator.digest,
            "space": generator.space,
            "step": 2.0,
            **more,
        },
    )


def a_version(
    generator: Generator,
    change: str = "smile",
    *,
    demonstration: bool = False,
    members: int = 3,
    cosines: tuple[float, ...] = (),
    agreement: float | None = 0.5,
    directions: list[str] | None = None,
    vector: bool = True,
) -> Version:
    """The next version of a change's series, with strips on two faces."""
    semantic = semantic_get_or_create(name=change, user=None)
    series, _ = Series.objects.get_or_create(
        semantic=semantic, generator=generator, space=generator.space, demonstration=demonstration
    )
    number = series.versions.count() + 1
    ids = directions or [f"{next(_numbers):032x}" for _ in range(len(cosines) or members)]
    data, shape = a_unit_vector(generator)
    version = Version.objects.create(
        series=series,
        number=number,
        members=[
            {"direction": id, "weight": 1 / len(ids), "cosine": cosine}
            for id, cosine in zip(ids, cosines or [0.9] * len(ids), strict=True)
        ],
        num_members=len(ids),
        num_contributors=len(ids),
        resultant=0.8,
        agreement=agreement,
        step=1.5,
        method="mean",
        space=generator.space,
        bundle_digest=generator.digest,
        vector_digest=codes_sha256(data),
    )
    if vector:
        VersionVector.objects.create(version=version, data=data, shape=shape)
        for face in range(2):
            pixels = np.random.default_rng(next(_numbers)).integers(0, 255, (8, 40, 3), dtype=np.uint8)
            image = image_store(owner=None, array=pixels, public=True)
            VersionStrip.objects.create(
                version=version, face=face, intensities=[-2, -1, 0, 1, 2], image=image
            )
    series.latest = version
    series.save(update_fields=["latest"])
    return version
