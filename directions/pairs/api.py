"""Contributions over HTTP: send a pair, follow it, take its direction, take it back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from direction_commons.api.idempotency import idempotent
from direction_commons.api.paging import page_answer
from direction_commons.api.people import signed_in
from direction_commons.api.schema import IDEMPOTENCY_KEY, PAGING, paged
from direction_commons.api.throttles import throttled
from direction_commons.errors import NotFound
from directions.generators.access import access_generator
from directions.generators.api import GENERATOR
from directions.generators.models import Generator
from directions.inversions.api import InversionProgressSerializer
from directions.pairs.access import access_pair
from directions.pairs.exports import FORMATS, direction_load, file_bytes
from directions.pairs.models import Direction, Pair
from directions.pairs.selectors import PairProgress, direction_of, pair_progress, pair_state, pairs_of
from directions.pairs.services import (
    pair_cancel,
    pair_contribute,
    pair_delete,
    pair_retry,
    pair_show,
    pair_withdraw,
)


class PairUploadSerializer(serializers.Serializer[Any]):
    """Two pictures and what changed between them. JPEG, PNG or WebP, at most 10 MB and 25 megapixels each."""

    before = serializers.FileField()
    after = serializers.FileField()
    change = serializers.CharField(max_length=200, help_text="what changed, in a word or two")
    pictures_public = serializers.BooleanField(default=False, help_text="may others see the pictures")


class PairChangeSerializer(serializers.Serializer[Any]):
    """What of a contribution can be changed afterwards."""

    pictures_public = serializers.BooleanField(help_text="may others see the pictures, from now on")


class PairSerializer(serializers.Serializer[Any]):
    """A contribution of mine. `before` and `after` are addresses of pictures; null once withdrawn."""

    id = serializers.UUIDField()
    change = serializers.CharField(source="semantic.name")
    slug = serializers.CharField(source="semantic.slug")
    state = serializers.SerializerMethodField()
    before = serializers.SerializerMethodField()
    after = serializers.SerializerMethodField()
    pictures_public = serializers.BooleanField()
    created_at = serializers.DateTimeField()

    def get_state(self, pair: Pair) -> str:
        return pair_state(pair)

    def get_before(self, pair: Pair) -> str | None:
        return _picture(pair.before_id)

    def get_after(self, pair: Pair) -> str | None:
        return _picture(pair.after_id)


class DirectionSerializer(serializers.Serializer[Any]):
    """The pair's direction on one generator. `quality`: the library's numbers, `reason`: why not."""

    id = serializers.UUIDField()
    generator = serializers.SlugField(source="generator.slug")
    state = serializers.ChoiceField(Direction.State.choices)
    verdict = serializers.CharField()
    reason = serializers.CharField()
    space = serializers.CharField()
    step = serializers.FloatField(allow_null=True, help_text="latent units from before to after")
    digest = serializers.CharField(help_text="of the bundle")
    quality = serializers.JSONField()
    strip = serializers.SerializerMethodField()
    sample_strip = serializers.SerializerMethodField()
    strip_intensities = serializers.ListField(
        child=serializers.FloatField(), help_text="of both strips, from left to right"
    )

    def get_strip(self, direction: Direction) -> str | None:
        return _picture(direction.strip_id)

    def get_sample_strip(self, direction: Direction) -> str | None:
        return _picture(direction.sample_strip_id)


class PairProgressSerializer(serializers.Serializer[Any]):
    """How far it is. Poll until `final`, more slowly the longer it takes."""

    state = serializers.CharField()
    stage = serializers.IntegerField()
    stages = serializers.IntegerField()
    text = serializers.CharField()
    ahead = serializers.IntegerField(help_text="jobs before this one in the queue")
    seconds = serializers.FloatField(
        allow_null=True, help_text="honest guess; null while nothing was measured"
    )
    fraction = serializers.FloatField(help_text="0..1")
    final = serializers.BooleanField()
    notes = serializers.ListField(child=serializers.CharField())
    before = InversionProgressSerializer(allow_null=True)
    after = InversionProgressSerializer(allow_null=True)


class PairDetailSerializer(PairSerializer):
    progress = serializers.SerializerMethodField()
    direction = serializers.SerializerMethodField()

    @extend_schema_field(PairProgressSerializer)
    def get_progress(self, pair: Pair) -> dict[str, Any]:
        return dict(PairProgressSerializer(self._progress()).data)

    @extend_schema_field(DirectionSerializer(allow_null=True))
    def get_direction(self, pair: Pair) -> dict[str, Any] | None:
        direction = self._progress().direction
        return dict(DirectionSerializer(direction).data) if direction is not None else None

    def get_state(self, pair: Pair) -> str:
        return self._progress().state

    def _progress(self) -> PairProgress:
        progress: PairProgress = self.context["progress"]
        return progress


class PairsView(APIView):
    permission_classes = [IsAuthenticated]
    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="pairs_list", parameters=PAGING, responses=paged("Pair", PairSerializer))
    def get(self, request: Request) -> Response:
        """My contributions, newest first."""
        rows = pairs_of(signed_in(request))
        return page_answer(request, rows, lambda page: PairSerializer(page, many=True).data)

    @extend_schema(
        operation_id="pairs_create",
        parameters=[IDEMPOTENCY_KEY],
        request=PairUploadSerializer,
        responses={201: PairDetailSerializer},
    )
    @throttled("uploads")
    @idempotent
    def post(self, request: Request) -> Response:
        """Contribute a pair."""
        asked = PairUploadSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        sent = asked.validated_data
        pair = pair_contribute(
            contributor=signed_in(request),
            semantic_name=sent["change"],
            before=sent["before"],
            after=sent["after"],
            pictures_public=sent["pictures_public"],
        )
        return Response(_detail(pair), status=201)


class PairView(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="pairs_get", parameters=[GENERATOR], responses=PairDetailSerializer)
    def get(self, request: Request, id: UUID) -> Response:
        """One of my contributions, with its progress and its direction on a generator."""
        return Response(_detail(access_pair(signed_in(request), id), _generator(request)))

    @extend_schema(
        operation_id="pairs_change", request=PairChangeSerializer, responses={200: PairDetailSerializer}
    )
    def patch(self, request: Request, id: UUID) -> Response:
        """Show its pictures to everybody, or to nobody but me. 409 once it is withdrawn."""
        pair = access_pair(signed_in(request), id)
        asked = PairChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(
            _detail(pair_show(pair=pair, pictures_public=asked.validated_data["pictures_public"]))
        )

    @extend_schema(operation_id="pairs_delete", responses={204: None})
    def delete(self, request: Request, id: UUID) -> Response:
        """Withdraw it, and forget that it ever was."""
        pair_delete(pair=access_pair(signed_in(request), id))
        return Response(status=204)


class PairCancel(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="pairs_cancel", request=None, responses=PairDetailSerializer)
    def post(self, request: Request, id: UUID) -> Response:
        """Stop what is still waiting or running."""
        return Response(_detail(pair_cancel(pair=access_pair(signed_in(request), id))))


class PairRetry(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="pairs_retry", request=None, responses=PairDetailSerializer)
    def post(self, request: Request, id: UUID) -> Response:
        """Try again what failed or was cancelled."""
        return Response(_detail(pair_retry(pair=access_pair(signed_in(request), id))))


class PairWithdraw(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="pairs_withdraw", request=None, responses=PairDetailSerializer)
    def post(self, request: Request, id: UUID) -> Response:
        """Take it back: its pictures, codes and direction are deleted, community versions follow."""
        return Response(_detail(pair_withdraw(pair=access_pair(signed_in(request), id))))


class PairDirection(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="pairs_direction_file",
        parameters=[GENERATOR],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, id: UUID, extension: str) -> HttpResponse:
        """My pair's direction as a file that the library loads: `safetensors` or `npz`."""
        pair = access_pair(signed_in(request), id)
        direction = direction_of(pair, _generator(request))
        if extension not in FORMATS or direction is None or direction.state != Direction.State.READY:
            raise NotFound("direction")
        return file_answer(
            file_bytes(direction_load(direction), extension), f"{pair.semantic.slug}-{pair.pk}.{extension}"
        )


def file_answer(data: bytes, name: str) -> HttpResponse:
    answer = HttpResponse(data, content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-store"
    return answer


def _detail(pair: Pair, generator: Generator | None = None) -> dict[str, Any]:
    context = {"progress": pair_progress(pair, generator)}
    return dict(PairDetailSerializer(pair, context=context).data)


def _generator(request: Request) -> Generator | None:
    slug = request.query_params.get("generator")
    return access_generator(slug) if slug else None


def _picture(id: UUID | None) -> str | None:
    return reverse("media:image", args=[id]) if id is not None else None
