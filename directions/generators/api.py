"""Generators over HTTP: what each is and what was measured on it."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from direction_commons.api.paging import page_answer
from direction_commons.api.schema import PAGING, paged
from directions.generators.access import access_generator
from directions.generators.models import Generator
from directions.generators.selectors import generator_list

GENERATOR = OpenApiParameter("generator", str, description="A generator's slug; the default one without it.")


class GeneratorSerializer(serializers.ModelSerializer[Generator]):
    """A registered bundle. Codes and directions belong to its `digest` and to no other."""

    thresholds = serializers.DictField(child=serializers.FloatField())
    metric_weights = serializers.ListField(child=serializers.FloatField())

    class Meta:
        model = Generator
        fields = [
            "slug",
            "title",
            "description",
            "digest",
            "family",
            "space",
            "resolution",
            "num_layers",
            "code_dim",
            "thresholds",
            "metric_weights",
            "drawn_world",
            "licence",
            "is_default",
            "is_active",
        ]


class GeneratorsView(APIView):
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="generators_list", parameters=PAGING, responses=paged("Generator", GeneratorSerializer)
    )
    def get(self, request: Request) -> Response:
        """All generators, the default first."""
        return page_answer(request, generator_list(), lambda page: GeneratorSerializer(page, many=True).data)


class GeneratorView(APIView):
    permission_classes = [AllowAny]

    @extend_schema(operation_id="generators_get", responses=GeneratorSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """One generator by its slug."""
        return Response(GeneratorSerializer(access_generator(slug)).data)
