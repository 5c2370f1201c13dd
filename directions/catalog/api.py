"""The catalog over HTTP. Everything in it is public."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
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
    Entry,
    SeriesDetail,
    catalog_page,
    catalog_semantic,
)
from directions.generators.access import generator_or_default
from directions.generators.api import GENERATOR


class CatalogStripSerializer(serializers.Serializer[Any]):
    """Pictures side by side in one file, one for each intensity."""

    url = serializers.CharField()
    intensities = serializers.ListField(child=serializers.FloatField())


class CatalogEntrySerializer(serializers.Serializer[Any]):
    """One change by the newest version of its series."""

    change = serializers.CharField()
    slug = serializers.SlugField()
    demonstration = serializers.BooleanField(help_text="made by the demonstration community, counted nowhere")
    version_id = serializers.IntegerField(help_text="goes into a step of an edit")
    version = serializers.IntegerField()
    pairs = serializers.IntegerField()
    contributors = serializers.IntegerField()
    agreement = serializers.FloatField(allow_null=True, help_text="mean cosine of two members, from three on")
    published_at = serializers.DateTimeField()
    strip = CatalogStripSerializer(allow_null=True)


class CatalogPageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    more = serializers.BooleanField(help_text="there are more than are listed: search")
    results = CatalogEntrySerializer(many=True)


class CatalogMemberSerializer(serializers.Serializer[Any]):
    """One pair of the newest version, by an opaque id."""

    id = serializers.CharField()
    weight = serializers.FloatField()
    cosine = serializers.FloatField(help_text="with the average of the others, in the effect metric")


class CatalogVersionSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    number = serializers.IntegerField()
    published_at = serializers.DateTimeField()
    pairs = serializers.IntegerField()
    contributors = serializers.IntegerField()
    resultant = serializers.FloatField(help_text="mean resultant length R; grows by itself when n is small")
    agreement = serializers.FloatField(allow_null=True)
    withdrawn = serializers.BooleanField(help_text="its vector was un-published with a withdrawn pair")
    added = serializers.IntegerField(help_text="pairs new since the version before")
    removed = serializers.IntegerField()


class CatalogSeriesSerializer(serializers.Serializer[Any]):
    series = serializers.IntegerField()
    demonstration = serializers.BooleanField()
    step = serializers.FloatField(help_text="latent units of intensity 1.0")
    strips = CatalogStripSerializer(many=True)
    members = CatalogMemberSerializer(many=True)
    versions = CatalogVersionSerializer(many=True, help_text="the newest twenty")
    total_versions = serializers.IntegerField()


class CatalogSemanticSerializer(serializers.Serializer[Any]):
    """One change on one generator; what real people and the demonstration made stays apart."""

    change = serializers.CharField()
    slug = serializers.SlugField()
    generator = serializers.SlugField()
    real = CatalogSeriesSerializer(allow_null=True)
    demonstration = CatalogSeriesSerializer(allow_null=True)


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
            "results": [_entry(entry) for entry in found.entries],
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
        body = {
            "change": found.semantic.name,
            "slug": found.semantic.slug,
            "generator": generator.slug,
            "real": _series(found.real),
            "demonstration": _series(found.demonstration),
        }
        return Response(CatalogSemanticSerializer(body).data)


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "change": entry.semantic.name,
        "slug": entry.semantic.slug,
        "demonstration": entry.demonstration,
        "version_id": entry.version.pk,
        "version": entry.version.number,
        "pairs": entry.pairs,
        "contributors": entry.contributors,
        "agreement": entry.agreement,
        "published_at": entry.version.published_at,
        "strip": entry.strip and _strip(entry.strip.pk, entry.intensities),
    }


def _series(detail: SeriesDetail | None) -> dict[str, Any] | None:
    if detail is None:
        return None
    return {
        "series": detail.series.pk,
        "demonstration": detail.series.demonstration,
        "step": detail.latest.step,
        "strips": [_strip(strip.image_id, strip.intensities) for strip in detail.strips],
        "members": detail.members,
        "versions": [
            {
                "id": entry.version.pk,
                "number": entry.version.number,
                "published_at": entry.version.published_at,
                "pairs": entry.version.num_members,
                "contributors": entry.version.num_contributors,
                "resultant": entry.version.resultant,
                "agreement": entry.version.agreement,
                "withdrawn": entry.withdrawn,
                "added": entry.added,
                "removed": entry.removed,
            }
            for entry in detail.versions
        ],
        "total_versions": detail.total_versions,
    }


def _strip(image: Any, intensities: Any) -> dict[str, Any]:
    return {"url": reverse("media:image", args=[image]), "intensities": list(intensities)}
