"""Evidence over HTTP: what was measured on a generator, as the evaluation wrote it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from direction_commons.api.paging import page_answer
from direction_commons.api.schema import PAGING, paged
from directions.evidence.access import access_report
from directions.evidence.models import Report, StripRow
from directions.evidence.reading import report_data
from directions.evidence.selectors import report_list
from directions.evidence.words import way_words


class EvidenceSerializer(serializers.ModelSerializer[Report]):
    """Which generator was measured when; its figures are at `generators/<slug>/evidence/`."""

    generator = serializers.SlugField(source="generator.slug")
    digest = serializers.CharField(source="generator.digest", help_text="of the content that was measured")

    class Meta:
        model = Report
        fields = ["generator", "digest", "measured_at", "imported_at", "sha256"]


class StripRowSerializer(serializers.ModelSerializer[StripRow]):
    """The same faces side by side, edited in one way (`before`, `after` and `own`: the truth)."""

    words = serializers.SerializerMethodField(help_text="the way in words")
    image = serializers.UUIDField(source="image_id")

    class Meta:
        model = StripRow
        fields = ["semantic", "position", "way", "words", "faces", "image"]

    def get_words(self, row: StripRow) -> str:
        return way_words(row.way)


class EvidenceDetailSerializer(EvidenceSerializer):
    """The whole report: its figures as `report`, its pictures as `rows`."""

    rows = StripRowSerializer(many=True)
    report = serializers.SerializerMethodField(help_text="report.json, described in docs/evaluation.md")

    class Meta(EvidenceSerializer.Meta):
        fields = [*EvidenceSerializer.Meta.fields, "rows", "report"]

    def get_report(self, report: Report) -> dict[str, Any]:
        found: dict[str, Any] = report_data(report.text)
        return found


class EvidenceList(APIView):
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="evidence_list", parameters=PAGING, responses=paged("Evidence", EvidenceSerializer)
    )
    def get(self, request: Request) -> Response:
        """The generators that have been measured, the default first."""
        return page_answer(request, report_list(), lambda page: EvidenceSerializer(page, many=True).data)


class GeneratorEvidence(APIView):
    permission_classes = [AllowAny]

    @extend_schema(operation_id="evidence_get", responses=EvidenceDetailSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """Everything that was measured on one generator."""
        return Response(EvidenceDetailSerializer(access_report(slug)).data)
