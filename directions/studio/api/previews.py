"""Edits over HTTP: the sliders that there are, and the picture that they make."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from direction_commons.api.paging import whole_number
from direction_commons.api.people import person
from directions.generators.api import GENERATOR
from directions.studio.access import access_photo
from directions.studio.api import generator_in
from directions.studio.previews import Judgement, Picture, judgement, preview, throttle_previews
from directions.studio.rendering import CONTENT_TYPES
from directions.studio.selectors import MAX_SLIDERS, sliders_for
from directions.studio.steps import KINDS, MAX_INTENSITY, MAX_STEPS, Step, steps_parse

FORMAT = OpenApiParameter(
    "format", str, enum=list(CONTENT_TYPES), description="png is lossless, webp is small."
)
PICTURE = {(200, content_type): OpenApiTypes.BINARY for content_type in CONTENT_TYPES.values()}


class StepSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(KINDS)
    id = serializers.CharField(help_text="of a slider: a version's id, or a direction's or component's UUID")
    intensity = serializers.FloatField(
        min_value=-MAX_INTENSITY, max_value=MAX_INTENSITY, help_text="in steps"
    )


class EditSerializer(serializers.Serializer[Any]):
    """Each direction once. No step at all gives the photo as the generator sees it."""

    steps = serializers.ListField(child=StepSerializer(), max_length=MAX_STEPS)


class JudgementSerializer(serializers.Serializer[Judgement]):
    """`shift`: how much worse the generator reads the edited picture than the unedited one."""

    outside = serializers.BooleanField(help_text="shift > limit")
    shift = serializers.FloatField()
    limit = serializers.FloatField()


class SliderSerializer(serializers.Serializer[Any]):
    """A direction that may go into a step, as {"kind", "id"}."""

    kind = serializers.ChoiceField(KINDS)
    id = serializers.CharField()
    change = serializers.CharField()
    slug = serializers.SlugField()
    private = serializers.BooleanField(help_text="of your own pair: nobody else sees it")
    demonstration = serializers.BooleanField()
    version = serializers.IntegerField(allow_null=True)
    members = serializers.IntegerField(help_text="pairs in it; 0 of a component")
    agreement = serializers.FloatField(allow_null=True, help_text="mean cosine of two members, from three on")
    step = serializers.FloatField(help_text="latent units of intensity 1.0")
    found = serializers.CharField(help_text="of a component, what found it: 'SeFa 3'")
    low = serializers.FloatField(help_text="as far as the pages' sliders go; a step may go further")
    high = serializers.FloatField()


class AlwaysJson(DefaultContentNegotiation):
    """A client that asks for a picture (`Accept: image/png`, `?format=png`) still gets refusals as JSON."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class PictureView(APIView):
    """A view that answers with a picture."""

    content_negotiation_class = AlwaysJson

    def wanted(self, request: Request, default: str) -> str:
        return request.query_params.get("format", default)


def picture_answer(picture: Picture) -> HttpResponse:
    answer = HttpResponse(picture.data, content_type=picture.content_type)
    answer["Cache-Control"] = "private, no-store"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def steps_in(request: Request) -> list[Step]:
    return steps_parse(request.data.get("steps") if isinstance(request.data, dict) else request.data)


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
        busy, 429 when you ask too often: ask again with your newest value.
        """
        throttle_previews(request)
        picture = preview(
            user=person(request),
            photo=access_photo(person(request), id),
            generator=generator_in(request),
            steps=steps_in(request),
            format=self.wanted(request, "webp"),
        )
        return picture_answer(picture)


class Domain(APIView):
    """Whether an edit stays in the generator's world."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="photos_domain",
        parameters=[GENERATOR],
        request=EditSerializer,
        responses=JudgementSerializer,
    )
    def post(self, request: Request, id: UUID) -> Response:
        """Judge an edit: beyond `limit` its picture falls apart. Refused as a preview is."""
        throttle_previews(request)
        judged = judgement(
            user=person(request),
            photo=access_photo(person(request), id),
            generator=generator_in(request),
            steps=steps_in(request),
        )
        return Response(JudgementSerializer(judged).data)


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
        """Directions to use: my own pairs' first, then the community's, then named components."""
        found = sliders_for(
            user=person(request),
            generator=generator_in(request),
            query=request.query_params.get("q", ""),
            limit=whole_number(request, "limit", 60),
        )
        return Response(SliderSerializer(found, many=True).data)
