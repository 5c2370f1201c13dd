"""Community directions over HTTP: series, versions, and versions as files.

The serializers here are the only shape of a series, a version, a strip and a member; the catalog uses them.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from direction_commons.api.paging import page_answer
from direction_commons.api.schema import PAGING, paged
from direction_commons.errors import NotFound, UserError
from directions.community.access import access_series, access_version
from directions.community.models import Series, Version
from directions.community.selectors import (
    series_list,
    series_standing,
    series_versions,
    version_diff,
    version_direction,
    version_is_published,
    version_members,
    version_vector,
)
from directions.community.words import agreement_words
from directions.generators.access import generator_or_default
from directions.generators.api import GENERATOR
from directions.pairs.api import file_answer
from directions.pairs.exports import FORMATS, file_bytes
from directions.semantics.access import access_semantic


class MemberSerializer(serializers.Serializer[Any]):
    """One pair in a version, by an opaque id: it names no person and no picture."""

    direction = serializers.CharField()
    weight = serializers.FloatField()
    cosine = serializers.FloatField(help_text="with the average of the others, in the effect metric")


class StripSerializer(serializers.Serializer[Any]):
    """Pictures of one sample face side by side in one file, one for each intensity."""

    face = serializers.IntegerField()
    intensities = serializers.ListField(child=serializers.FloatField())
    image = serializers.SerializerMethodField()

    def get_image(self, strip: Any) -> str:
        return reverse("media:image", args=[strip.image_id])


class VersionSerializer(serializers.ModelSerializer[Version]):
    """An immutable average. `published` false: its numbers are gone, because a member was withdrawn."""

    agreement_words = serializers.SerializerMethodField(help_text="how to read `agreement`")
    published = serializers.SerializerMethodField()
    strips = StripSerializer(many=True)

    class Meta:
        model = Version
        fields = [
            "id",
            "number",
            "num_members",
            "num_contributors",
            "resultant",
            "agreement",
            "agreement_words",
            "step",
            "method",
            "space",
            "bundle_digest",
            "vector_digest",
            "published_at",
            "published",
            "strips",
        ]

    def get_agreement_words(self, version: Version) -> str:
        return agreement_words(version.agreement, version.num_members)

    def get_published(self, version: Version) -> bool:
        return version_is_published(version)


class VersionDiffSerializer(serializers.Serializer[Any]):
    since = serializers.IntegerField(allow_null=True, help_text="the number of the version before")
    added = serializers.ListField(child=serializers.CharField(), help_text="members' opaque ids")
    removed = serializers.ListField(child=serializers.CharField())


class VersionWithDiffSerializer(VersionSerializer):
    """A version, and which members came and went."""

    diff = serializers.SerializerMethodField()

    class Meta(VersionSerializer.Meta):
        fields = [*VersionSerializer.Meta.fields, "diff"]

    @extend_schema_field(VersionDiffSerializer)
    def get_diff(self, version: Version) -> dict[str, Any]:
        return dict(VersionDiffSerializer(version_diff(version)).data)


class VersionDetailSerializer(VersionWithDiffSerializer):
    """A version with all that is in it and where it belongs."""

    series = serializers.IntegerField(source="series_id")
    change = serializers.CharField(source="series.semantic.name")
    generator = serializers.CharField(source="series.generator.slug")
    demonstration = serializers.BooleanField(source="series.demonstration")
    members = serializers.SerializerMethodField()

    class Meta(VersionWithDiffSerializer.Meta):
        fields = [
            *VersionWithDiffSerializer.Meta.fields,
            "series",
            "change",
            "generator",
            "demonstration",
            "members",
        ]

    @extend_schema_field(MemberSerializer(many=True))
    def get_members(self, version: Version) -> list[Any]:
        return list(MemberSerializer(version_members(version), many=True).data)


class StandingSerializer(serializers.Serializer[Any]):
    """How a series stands, and in sentences what happened and what to do, where there is something to say."""

    state = serializers.ChoiceField(["published", "disagreement", "waiting"])
    text = serializers.CharField(allow_blank=True)
    todo = serializers.CharField(allow_blank=True)


class SeriesSerializer(serializers.Serializer[Any]):
    """The versions of one change on one generator; `latest` is the one to use."""

    id = serializers.IntegerField()
    change = serializers.CharField(source="semantic.name")
    slug = serializers.CharField(source="semantic.slug")
    generator = serializers.CharField(source="generator.slug")
    space = serializers.CharField()
    demonstration = serializers.BooleanField(help_text="made by the demonstration community, counted nowhere")
    standing = serializers.SerializerMethodField()
    latest = VersionSerializer(allow_null=True)

    @extend_schema_field(StandingSerializer)
    def get_standing(self, series: Series) -> dict[str, Any]:
        return dict(StandingSerializer(series_standing(series)).data)


class CommunityView(APIView):
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="community_list",
        parameters=[
            GENERATOR,
            OpenApiParameter("change", str, description="A change's slug."),
            OpenApiParameter(
                "demonstration", bool, description="Only demonstration (true) or only real (false)."
            ),
            *PAGING,
        ],
        responses=paged("Series", SeriesSerializer),
    )
    def get(self, request: Request) -> Response:
        """Published community directions, newest first."""
        change = request.query_params.get("change")
        rows = series_list(
            generator=generator_or_default(request.query_params.get("generator")),
            demonstration=_truth(request.query_params.get("demonstration")),
            semantic=access_semantic(change) if change else None,
        )
        return page_answer(request, rows, lambda page: SeriesSerializer(page, many=True).data)


class SeriesVersions(APIView):
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="community_versions",
        parameters=PAGING,
        responses=paged("Version", VersionWithDiffSerializer),
    )
    def get(self, request: Request, id: int) -> Response:
        """All versions of a series, newest first."""
        return page_answer(
            request,
            series_versions(access_series(id)),
            lambda page: VersionWithDiffSerializer(page, many=True).data,
        )


class VersionView(APIView):
    permission_classes = [AllowAny]

    @extend_schema(operation_id="community_version_get", responses=VersionDetailSerializer)
    def get(self, request: Request, id: int) -> Response:
        """One version with its members and what changed since the one before."""
        return Response(VersionDetailSerializer(access_version(id)).data)


class VersionFile(APIView):
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="community_version_file",
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            (200, "application/json"): OpenApiTypes.OBJECT,
        },
    )
    def get(self, request: Request, id: int, extension: str) -> HttpResponse:
        """A version as a file: `safetensors`, `npz` for the library, `json` for reading. 410: withdrawn."""
        version = access_version(id)
        name = f"{version.series.semantic.slug}-v{version.number}.{extension}"
        if extension == "json":
            body = {**VersionDetailSerializer(version).data, "vector": version_vector(version).tolist()}
            answer = Response(body)
            answer["Content-Disposition"] = f'attachment; filename="{name}"'
            return answer
        if extension not in FORMATS:
            raise NotFound("version")
        return file_answer(file_bytes(version_direction(version), extension), name)


def _truth(text: str | None) -> bool | None:
    if text is None or text == "":
        return None
    if text.lower() not in ("true", "false", "1", "0"):
        raise UserError("request:truth", f"demonstration={text[:30]!r} came; true or false was wanted.")
    return text.lower() in ("true", "1")
