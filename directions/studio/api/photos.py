"""Photos over HTTP: mine, and the samples that everybody may use."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny, IsAuthenticated, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from direction_commons.api.idempotency import idempotent
from direction_commons.api.paging import page_answer
from direction_commons.api.people import person, signed_in
from direction_commons.api.schema import IDEMPOTENCY_KEY, PAGING, paged
from direction_commons.api.throttles import throttled
from direction_commons.media.models import StoredImage
from directions.generators.api import GENERATOR
from directions.generators.models import Generator
from directions.studio.access import access_own_photo, access_photo
from directions.studio.api import generator_in
from directions.studio.models import Photo
from directions.studio.selectors import (
    PhotoProgress,
    photo_progress,
    photos_of,
    photos_progress,
    sample_photos,
)
from directions.studio.services import photo_create, photo_delete, photo_prepare


class PictureSerializer(serializers.Serializer[Any]):
    """Where a picture is, and its size in pixels."""

    url = serializers.SerializerMethodField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()

    def get_url(self, image: StoredImage) -> str:
        return reverse("media:image", args=[image.pk])


class ProgressSerializer(serializers.Serializer[Any]):
    """How far the photo is. Poll until `final`, more slowly the longer it takes."""

    state = serializers.ChoiceField(["waiting", "running", "ready", "out-of-domain", "failed"])
    text = serializers.CharField()
    fraction = serializers.FloatField(help_text="0..1")
    ahead = serializers.IntegerField(help_text="jobs before this one in the queue")
    seconds = serializers.FloatField(
        allow_null=True, help_text="honest guess; null when nothing was measured"
    )
    final = serializers.BooleanField()


class PhotoSerializer(serializers.Serializer[Any]):
    """A photo on one generator. `reconstruction` is what the generator makes of it."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    sample = serializers.BooleanField(help_text="a face that everybody may use")
    created_at = serializers.DateTimeField()
    generator = serializers.SlugField()
    image = PictureSerializer()
    reconstruction = PictureSerializer(allow_null=True)
    progress = ProgressSerializer()
    error = serializers.FloatField(
        allow_null=True, help_text="beyond `out_of_domain_error` it cannot be edited"
    )
    out_of_domain_error = serializers.FloatField()
    psnr = serializers.FloatField(allow_null=True, help_text="of the reconstruction, in dB")


class PhotoUploadSerializer(serializers.Serializer[Any]):
    image = serializers.FileField(help_text="JPEG, PNG or WebP, at most 10 MB and 25 megapixels")
    title = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")


def photo_body(photo: Photo, progress: PhotoProgress, generator: Generator) -> dict[str, Any]:
    inversion = progress.inversion
    reconstruction = inversion.reconstruction if inversion is not None else None
    return {
        "id": str(photo.pk),
        "title": photo.title,
        "sample": photo.owner_id is None,
        "created_at": photo.created_at,
        "generator": generator.slug,
        "image": photo.image,
        "reconstruction": reconstruction,
        "progress": progress,
        "error": inversion.error if inversion is not None else None,
        "out_of_domain_error": generator.thresholds.get("out_of_domain"),
        "psnr": inversion.psnr if inversion is not None else None,
    }


def _bodies(photos: list[Photo], generator: Generator) -> Any:
    progress = photos_progress(photos=photos, generator=generator)
    bodies = [photo_body(photo, progress[photo.pk], generator) for photo in photos]
    return PhotoSerializer(bodies, many=True).data


class Photos(APIView):
    """My photos."""

    permission_classes = [IsAuthenticated]
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="photos_list", parameters=[GENERATOR, *PAGING], responses=paged("Photo", PhotoSerializer)
    )
    def get(self, request: Request) -> Response:
        """My photos, the newest first."""
        generator = generator_in(request)
        return page_answer(request, photos_of(user=signed_in(request)), lambda page: _bodies(page, generator))

    @extend_schema(
        operation_id="photos_create",
        parameters=[GENERATOR, IDEMPOTENCY_KEY],
        request=PhotoUploadSerializer,
        responses={201: PhotoSerializer},
    )
    @throttled("uploads")
    @idempotent
    def post(self, request: Request) -> Response:
        """Upload a photo to edit. The same picture twice is one photo."""
        asked = PhotoUploadSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        generator = generator_in(request)
        photo = photo_create(
            owner=signed_in(request), data=asked.validated_data["image"], title=asked.validated_data["title"]
        )
        body = photo_body(photo, photo_progress(photo=photo, generator=generator), generator)
        return Response(PhotoSerializer(body).data, status=201)


class OnePhoto(APIView):
    """One of my photos, or a sample."""

    permission_classes = [IsAuthenticatedOrReadOnly]

    @extend_schema(operation_id="photos_get", parameters=[GENERATOR], responses=PhotoSerializer)
    def get(self, request: Request, id: UUID) -> Response:
        """A photo with its progress and reconstruction on one generator.

        On an active generator that came after the photo, the first look asks for the photo's inversion there:
        it waits in the queue, and `progress` tells.
        """
        generator = generator_in(request)
        photo = access_photo(person(request), id)
        photo_prepare(photo=photo, generator=generator)
        body = photo_body(photo, photo_progress(photo=photo, generator=generator), generator)
        return Response(PhotoSerializer(body).data)

    @extend_schema(operation_id="photos_delete", responses={204: None})
    def delete(self, request: Request, id: UUID) -> Response:
        """Delete the photo with its code, reconstruction and recipes."""
        photo_delete(photo=access_own_photo(signed_in(request), id))
        return Response(status=204)


class Samples(APIView):
    """Faces to try with."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="samples_list", parameters=[GENERATOR], responses=PhotoSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Sample faces, which everybody may edit with community directions."""
        generator = generator_in(request)
        photos = list(sample_photos())
        return Response(_bodies(photos, generator))
