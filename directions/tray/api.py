"""The tray over HTTP: where its pictures are, for everybody."""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from directions.tray import TrayPicture, tray


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


class TrayView(APIView):
    """Ready pictures."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="tray_get", responses=TraySerializer)
    def get(self, request: Request) -> Response:
        """Ready pairs and single pictures for the stranger who has none at hand."""
        return Response(TraySerializer(tray()).data)
