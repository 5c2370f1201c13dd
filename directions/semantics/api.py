"""Changes over HTTP: the list, with search that forgives typos."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from direction_commons.api.paging import page_answer
from direction_commons.api.schema import PAGING, paged
from directions.semantics.access import access_semantic
from directions.semantics.models import Semantic
from directions.semantics.selectors import semantics_like, semantics_listed


class SemanticSerializer(serializers.ModelSerializer[Semantic]):
    """A named change."""

    class Meta:
        model = Semantic
        fields = ["slug", "name", "created_at"]


class SemanticsView(APIView):
    """What can change in a picture, in words."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="semantics_list",
        parameters=[OpenApiParameter("q", str, description="Part of a name, typos allowed."), *PAGING],
        responses=paged("Semantic", SemanticSerializer),
    )
    def get(self, request: Request) -> Response:
        """Changes by name; with `q` those that resemble it, best first."""
        text = request.query_params.get("q", "")
        rows = semantics_like(text) if text.strip() else semantics_listed()
        return page_answer(request, rows, lambda page: SemanticSerializer(page, many=True).data)


class SemanticView(APIView):
    permission_classes = [AllowAny]

    @extend_schema(operation_id="semantics_get", responses=SemanticSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """One change by its address."""
        return Response(SemanticSerializer(access_semantic(slug)).data)
