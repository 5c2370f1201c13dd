"""What every room needs to describe its addresses in OpenAPI, so that the schema says the same everywhere.

`CommonsSchema` adds the one shape of all refusals to every operation. Nothing here changes an answer.
"""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

PAGING = [
    OpenApiParameter("page", int, description="From 1 on."),
    OpenApiParameter("page_size", int, description="At most 100; 30 without it."),
]
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Any text of yours. The same key with the same body answers the same and does nothing twice.",
)


class RefusalDetailSerializer(serializers.Serializer[Any]):
    """`code` is stable; `message` and `todo` are for people."""

    code = serializers.CharField(help_text="room:what, such as media:too-large")
    message = serializers.CharField()
    todo = serializers.CharField(allow_blank=True)
    fields = serializers.JSONField(required=False, help_text="what was wrong with each field")  # type: ignore[assignment]


class RefusalSerializer(serializers.Serializer[Any]):
    """Every refusal, whatever its status."""

    error = RefusalDetailSerializer()


def paged(name: str, serializer: type[serializers.Serializer[Any]]) -> Any:
    """The answer of a list that `CommonsPagination` pages."""
    return inline_serializer(
        f"Paged{name}List",
        {
            "count": serializers.IntegerField(),
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": serializer(many=True),
        },
    )


class BearerToken(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer <token>`, with a token from POST /api/v1/tokens/."""

    target_class = "direction_commons.accounts.authentication.ApiTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class CommonsSchema(AutoSchema):
    """Adds "default": the shape of every refusal."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if direction == "response":
            refusal = OpenApiResponse(RefusalSerializer, description="Refused: why, and what to do next.")
            bodies["default"] = self._get_response_for_code(refusal, "default")  # type: ignore[no-untyped-call]
        return bodies
