"""Inversions over HTTP: how far one is, and how well its reconstruction fits."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from directions.inversions.access import access_inversion
from directions.inversions.models import Inversion
from directions.inversions.selectors import inversion_progress


class InversionProgressSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(["waiting", "running", "ready", "failed"])
    text = serializers.CharField()
    fraction = serializers.FloatField(help_text="0..1")
    step = serializers.IntegerField(help_text="optimisation steps done")
    ahead = serializers.IntegerField(help_text="jobs before this one in the queue")
    seconds = serializers.FloatField(
        allow_null=True, help_text="honest guess; null while nothing was measured"
    )


class InversionSerializer(serializers.ModelSerializer[Inversion]):
    """A picture as a code of one generator; `image` and `reconstruction` are addresses of pictures."""

    generator = serializers.SlugRelatedField(slug_field="slug", read_only=True)  # type: ignore[var-annotated]
    image = serializers.SerializerMethodField()
    reconstruction = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()

    class Meta:
        model = Inversion
        fields = [
            "id",
            "generator",
            "state",
            "image",
            "reconstruction",
            "error",
            "psnr",
            "lpips",
            "out_of_domain",
            "steps",
            "reason",
            "progress",
        ]

    def get_image(self, inversion: Inversion) -> str:
        return reverse("media:image", args=[inversion.image_id])

    def get_reconstruction(self, inversion: Inversion) -> str | None:
        return (
            reverse("media:image", args=[inversion.reconstruction_id])
            if inversion.reconstruction_id
            else None
        )

    @extend_schema_field(InversionProgressSerializer)
    def get_progress(self, inversion: Inversion) -> dict[str, Any]:
        return dict(InversionProgressSerializer(inversion_progress(inversion)).data)


class InversionView(APIView):
    permission_classes = [AllowAny]

    @extend_schema(operation_id="inversions_get", responses=InversionSerializer)
    def get(self, request: Request, id: UUID) -> Response:
        """An inversion of one of my pictures, or of a public one."""
        return Response(InversionSerializer(access_inversion(request.user, id)).data)
