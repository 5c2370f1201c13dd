"""The catalog over HTTP. Everything in it is public, and has the shape that the community's API gives it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from direction_commons.api.paging import whole_number
from directions.catalog.selectors import (
    KINDS,
    MAX_PAGE_SIZE,
    PAGE_SIZE,
    SORTS,
    SeriesDetail,
    catalog_page,
    catalog_semantic,
)
from directions.community.api import MemberSerializer, SeriesSerializer, VersionWithDiffSerializer
from directions.community.membership import Membership
from directions.discover.api import ComponentSerializer
from directions.generators.access import generator_or_default
from directions.generators.api import GENERATOR


class CatalogPageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    more = serializers.BooleanField(help_text="there are more than are listed: search")
    results = SeriesSerializer(many=True)
    components = ComponentSerializer(
        many=True,
        help_text="named ones of the finders, of no pair: this page of kind=found, the first few of kind=all",
    )
    total_components = serializers.IntegerField()


class MembershipSerializer(serializers.Serializer[Any]):
    """Which of the pairs that have a direction count in the next version."""

    ready = serializers.IntegerField(help_text="all that have a direction")
    counted = serializers.SerializerMethodField()
    same = serializers.SerializerMethodField(help_text="the same two pictures from the same person once more")
    beyond = serializers.SerializerMethodField(help_text="older ones of a person beyond the places")
    places = serializers.IntegerField(help_text="most pairs of one person: what the middle contributor has")

    def get_counted(self, membership: Membership) -> int:
        return len(membership.members)

    def get_same(self, membership: Membership) -> int:
        return len(membership.same)

    def get_beyond(self, membership: Membership) -> int:
        return len(membership.beyond)


class CatalogSeriesSerializer(serializers.Serializer[Any]):
    series = SeriesSerializer()
    membership = MembershipSerializer()
    members = MemberSerializer(many=True, help_text="of the latest version, the nearest hundred")
    versions = serializers.SerializerMethodField(help_text="the newest twenty")
    total_versions = serializers.IntegerField()

    @extend_schema_field(VersionWithDiffSerializer(many=True))
    def get_versions(self, detail: SeriesDetail) -> list[Any]:
        versions = [entry.version for entry in detail.versions]
        return list(VersionWithDiffSerializer(versions, many=True).data)


class CatalogSemanticSerializer(serializers.Serializer[Any]):
    """One change on one generator; what real people and the demonstration made stays apart."""

    change = serializers.CharField(source="semantic.name")
    slug = serializers.SlugField(source="semantic.slug")
    generator = serializers.SlugField(source="generator.slug")
    at_work = serializers.IntegerField(help_text="people's pairs that are still on their way")
    real = CatalogSeriesSerializer(allow_null=True)
    demonstration = CatalogSeriesSerializer(allow_null=True)
    components = ComponentSerializer(many=True, help_text="found by finders and named so: of no pair")
    proposals = serializers.IntegerField(help_text="components that too few people name so")


class Catalog(APIView):
    """Every change known on a generator."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="catalog_list",
        parameters=[
            GENERATOR,
            OpenApiParameter("q", str, description="A change, typos forgiven."),
            OpenApiParameter("sort", str, enum=SORTS),
            OpenApiParameter("kind", str, enum=KINDS, description="Whose contributions."),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int, description=f"At most {MAX_PAGE_SIZE}."),
        ],
        responses=CatalogPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Changes with the pictures, pairs and agreement of their newest versions."""
        asked = request.query_params
        found = catalog_page(
            generator=generator_or_default(asked.get("generator")),
            query=asked.get("q", ""),
            sort=asked.get("sort", ""),
            kind=asked.get("kind", "all"),
            page=whole_number(request, "page", 1),
            page_size=whole_number(request, "page_size", PAGE_SIZE),
        )
        body = {
            "count": found.total,
            "page": found.page,
            "pages": found.pages,
            "more": found.more,
            "results": [entry.series for entry in found.entries],
            "components": found.components,
            "total_components": found.total_components,
        }
        return Response(CatalogPageSerializer(body).data)


class CatalogOne(APIView):
    """One change."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="catalog_get", parameters=[GENERATOR], responses=CatalogSemanticSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """A change with strips on several faces, members and versions."""
        generator = generator_or_default(request.query_params.get("generator"))
        found = catalog_semantic(slug=slug, generator=generator)
        return Response(CatalogSemanticSerializer(found).data)
