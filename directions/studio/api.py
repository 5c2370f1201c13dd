"""The studio over HTTP: photos, previews, recipes, sliders, samples, the tray. Thin: parse, call, answer.

Pictures answer as image/png or image/webp (`?format=`), every refusal as JSON. Without an account, sample
photos and community directions are all there is.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.templatetags.static import static
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny, IsAuthenticated, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from direction_commons.accounts.models import User
from direction_commons.api.idempotency import idempotent
from direction_commons.api.paging import CommonsPagination, whole_number
from direction_commons.api.schema import IDEMPOTENCY_KEY, PAGING, paged
from direction_commons.media.models import StoredImage
from directions.generators.access import generator_or_default
from directions.generators.api import GENERATOR
from directions.generators.models import Generator
from directions.studio.access import access_own_photo, access_photo, access_recipe
from directions.studio.models import Photo, Recipe
from directions.studio.previews import FORMATS, Picture, preview
from directions.studio.selectors import (
    MAX_SLIDERS,
    PhotoProgress,
    photo_progress,
    photos_of,
    photos_progress,
    sample_photos,
    sliders_for,
)
from directions.studio.services import (
    photo_create,
    photo_delete,
    photo_prepare,
    recipe_delete,
    recipe_document,
    recipe_read,
    recipe_replay,
    recipe_save,
)
from directions.studio.steps import MAX_INTENSITY, MAX_STEPS, Step, steps_parse
from directions.tray import TrayPicture, tray

FORMAT = OpenApiParameter("format", str, enum=FORMATS, description="png is lossless, webp is small.")
PICTURE = {(200, "image/png"): OpenApiTypes.BINARY, (200, "image/webp"): OpenApiTypes.BINARY}


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


class StepSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(["community", "pair"])
    id = serializers.CharField(help_text="of a slider: a version's id, or a direction's UUID")
    intensity = serializers.FloatField(
        min_value=-MAX_INTENSITY, max_value=MAX_INTENSITY, help_text="in steps"
    )


class EditSerializer(serializers.Serializer[Any]):
    """At most 20 steps, each direction once. No step at all gives the photo as the generator sees it."""

    steps = serializers.ListField(child=StepSerializer(), max_length=MAX_STEPS)


class RecipeStepSerializer(StepSerializer):
    change = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    vector_sha256 = serializers.CharField()
    step = serializers.FloatField(help_text="latent units of intensity 1.0")


class RecipePhotoSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    sha256 = serializers.CharField()


class RecipeGeneratorSerializer(serializers.Serializer[Any]):
    slug = serializers.SlugField()
    digest = serializers.CharField()


class RecipeDocumentSerializer(serializers.Serializer[Any]):
    """An edit, written down: the same document gives the same pixels, or is refused with 410."""

    format = serializers.CharField()
    photo = RecipePhotoSerializer()
    generator = RecipeGeneratorSerializer()
    codes_sha256 = serializers.CharField()
    steps = RecipeStepSerializer(many=True)


class RecipeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    image = serializers.CharField(help_text="address of the picture, PNG")
    document = RecipeDocumentSerializer()


class SliderSerializer(serializers.Serializer[Any]):
    """A direction that may go into a step, as {"kind", "id"}."""

    kind = serializers.ChoiceField(["community", "pair"])
    id = serializers.CharField()
    change = serializers.CharField()
    slug = serializers.SlugField()
    private = serializers.BooleanField(help_text="of your own pair: nobody else sees it")
    demonstration = serializers.BooleanField()
    version = serializers.IntegerField(allow_null=True)
    members = serializers.IntegerField()
    agreement = serializers.FloatField(allow_null=True, help_text="mean cosine of two members, from three on")
    step = serializers.FloatField(help_text="latent units of intensity 1.0")
    low = serializers.FloatField()
    high = serializers.FloatField()


class TrayPictureSerializer(serializers.Serializer[Any]):
    url = serializers.SerializerMethodField()
    alt = serializers.CharField()

    def get_url(self, picture: TrayPicture) -> str:
        return static(picture.static_path)


class TrayPairSerializer(serializers.Serializer[Any]):
    key = serializers.SlugField()
    change = serializers.CharField()
    before = TrayPictureSerializer()
    after = TrayPictureSerializer()


class TraySingleSerializer(serializers.Serializer[Any]):
    key = serializers.SlugField()
    title = serializers.CharField()
    picture = TrayPictureSerializer()


class TraySerializer(serializers.Serializer[Any]):
    """Ready pictures to try with: download one and send it as your own."""

    pairs = TrayPairSerializer(many=True)
    singles = TraySingleSerializer(many=True)


class AlwaysJson(DefaultContentNegotiation):
    """A client that asks for a picture (`Accept: image/png`, `?format=png`) still gets refusals as JSON."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class PictureView(APIView):
    """A view that answers with a picture."""

    content_negotiation_class = AlwaysJson

    def wanted(self, request: Request, default: str) -> str:
        return request.query_params.get("format", default)


def person(request: Request) -> User | None:
    return request.user if isinstance(request.user, User) else None


def generator_in(request: Request) -> Generator:
    return generator_or_default(request.query_params.get("generator"))


def picture_answer(picture: Picture) -> HttpResponse:
    answer = HttpResponse(picture.data, content_type=picture.content_type)
    answer["Cache-Control"] = "private, no-store"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


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
        pages = CommonsPagination()
        photos = pages.paginate_queryset(photos_of(user=request.user), request, view=self) or []
        progress = photos_progress(photos=photos, generator=generator)
        bodies = [photo_body(photo, progress[photo.pk], generator) for photo in photos]
        return pages.get_paginated_response(PhotoSerializer(bodies, many=True).data)

    @extend_schema(
        operation_id="photos_create",
        parameters=[GENERATOR, IDEMPOTENCY_KEY],
        request=PhotoUploadSerializer,
        responses={201: PhotoSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Upload a photo to edit. The same picture twice is one photo."""
        asked = PhotoUploadSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        generator = generator_in(request)
        photo = photo_create(
            owner=request.user, data=asked.validated_data["image"], title=asked.validated_data["title"]
        )
        body = photo_body(photo, photo_progress(photo=photo, generator=generator), generator)
        return Response(PhotoSerializer(body).data, status=201)


class OnePhoto(APIView):
    """One of my photos, or a sample."""

    permission_classes = [IsAuthenticatedOrReadOnly]

    @extend_schema(operation_id="photos_get", parameters=[GENERATOR], responses=PhotoSerializer)
    def get(self, request: Request, id: UUID) -> Response:
        """A photo with its progress and reconstruction on one generator."""
        generator = generator_in(request)
        photo = access_photo(person(request), id)
        photo_prepare(photo=photo, generator=generator)
        body = photo_body(photo, photo_progress(photo=photo, generator=generator), generator)
        return Response(PhotoSerializer(body).data)

    @extend_schema(operation_id="photos_delete", responses={204: None})
    def delete(self, request: Request, id: UUID) -> Response:
        """Delete the photo with its code, reconstruction and recipes."""
        photo_delete(photo=access_own_photo(request.user, id))
        return Response(status=204)


class Preview(PictureView):
    """The photo with directions applied."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="photos_preview",
        parameters=[GENERATOR, FORMAT],
        request=EditSerializer,
        responses=PICTURE,
    )
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """Draw an edit.

        409 while the photo is not ready, 422 when it is out of the generator's domain, 503 when the studio is
        busy: ask again with your newest value.
        """
        picture = preview(
            user=person(request),
            photo=access_photo(person(request), id),
            generator=generator_in(request),
            steps=steps_in(request),
            format=self.wanted(request, "webp"),
        )
        return picture_answer(picture)


class Recipes(APIView):
    """Edits of one photo, written down."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="recipes_create",
        parameters=[GENERATOR],
        request=EditSerializer,
        responses={201: RecipeSerializer},
    )
    def post(self, request: Request, id: UUID) -> Response:
        """Keep an edit as a recipe."""
        recipe = recipe_save(
            user=request.user,
            photo=access_photo(request.user, id),
            generator=generator_in(request),
            steps=steps_in(request),
        )
        return Response(recipe_body(recipe), status=201)


class OneRecipe(APIView):
    """One of my recipes."""

    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="recipes_get", responses=RecipeSerializer)
    def get(self, request: Request, id: UUID) -> Response:
        """A recipe of mine."""
        return Response(recipe_body(access_recipe(request.user, id)))

    @extend_schema(operation_id="recipes_delete", responses={204: None})
    def delete(self, request: Request, id: UUID) -> Response:
        """Delete a recipe; the photo stays."""
        recipe_delete(recipe=access_recipe(request.user, id))
        return Response(status=204)


class RecipeImage(PictureView):
    """A recipe's picture."""

    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="recipes_image", parameters=[FORMAT], responses=PICTURE)
    def get(self, request: Request, id: UUID) -> HttpResponse:
        """Replay the recipe: the same pixels as ever, or 410 when something it names was withdrawn."""
        recipe = access_recipe(request.user, id)
        return picture_answer(
            recipe_replay(user=request.user, recipe=recipe, format=self.wanted(request, "png"))
        )


class RecipeReplay(PictureView):
    """A downloaded recipe's picture."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="recipes_replay",
        parameters=[FORMAT],
        request=RecipeDocumentSerializer,
        responses=PICTURE,
    )
    def post(self, request: Request) -> HttpResponse:
        """Replay a downloaded recipe: the same pixels as ever, or 410 when something was withdrawn."""
        user = person(request)
        recipe = recipe_read(user=user, document=request.data)
        return picture_answer(recipe_replay(user=user, recipe=recipe, format=self.wanted(request, "png")))


class Sliders(APIView):
    """What may be applied."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="sliders_list",
        parameters=[
            GENERATOR,
            OpenApiParameter("q", str, description="A change, typos forgiven."),
            OpenApiParameter("limit", int, description=f"At most {MAX_SLIDERS} of each kind; 60 without it."),
        ],
        responses=SliderSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Directions to use: my own pairs' first, then the community's."""
        found = sliders_for(
            user=person(request),
            generator=generator_in(request),
            query=request.query_params.get("q", ""),
            limit=whole_number(request, "limit", 60),
        )
        return Response(SliderSerializer(found, many=True).data)


class Samples(APIView):
    """Faces to try with."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="samples_list", parameters=[GENERATOR], responses=PhotoSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Sample faces, which everybody may edit with community directions."""
        generator = generator_in(request)
        photos = list(sample_photos())
        progress = photos_progress(photos=photos, generator=generator)
        bodies = [photo_body(photo, progress[photo.pk], generator) for photo in photos]
        return Response(PhotoSerializer(bodies, many=True).data)


class TrayView(APIView):
    """Ready pictures."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="tray_get", responses=TraySerializer)
    def get(self, request: Request) -> Response:
        """Ready pairs and single pictures for the stranger who has none at hand."""
        return Response(TraySerializer(tray()).data)


def recipe_body(recipe: Recipe) -> dict[str, Any]:
    return {
        "id": str(recipe.pk),
        "created_at": recipe.created_at,
        "image": reverse("api-recipe-image", args=[recipe.pk]),
        "document": recipe_document(recipe),
    }


def steps_in(request: Request) -> list[Step]:
    return steps_parse(request.data.get("steps") if isinstance(request.data, dict) else request.data)
