"""Components over HTTP: what the finders found, as pictures and files, and what people say of each.

Everything here is public but who said what: only the numbers are told, and one's own opinion to oneself.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import AllowAny, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from direction_commons.api.paging import page_answer
from direction_commons.api.people import person, signed_in
from direction_commons.api.schema import PAGING, paged
from direction_commons.api.throttles import throttled
from direction_commons.errors import NotFound, UserError
from directions.community.api import StripSerializer
from directions.discover.access import access_component
from directions.discover.models import Opinion
from directions.discover.selectors import (
    FINDER_TITLES,
    WHICH,
    Card,
    cards_of,
    component_digest,
    component_list,
    component_load,
    component_vector,
    file_name,
    sign,
)
from directions.discover.services import opinion_name, opinion_reject, opinion_withdraw
from directions.generators.access import generator_or_default
from directions.generators.api import GENERATOR
from directions.pairs.api import file_answer
from directions.pairs.exports import FORMATS, file_bytes
from directions.semantics.access import access_semantic


class NameTallySerializer(serializers.Serializer[Any]):
    """So many people say that this end shows this change."""

    change = serializers.CharField()
    slug = serializers.CharField()
    end = serializers.CharField(source="sign", help_text="'+' or '-': the end of the strip that shows it")
    people = serializers.IntegerField()


class OpinionSerializer(serializers.Serializer[Any]):
    """What I say of it. `change` and `end` are null where I rejected it."""

    change = serializers.CharField(source="semantic.name", default=None, allow_null=True)
    end = serializers.SerializerMethodField()
    rejected = serializers.SerializerMethodField()
    said_at = serializers.DateTimeField()

    def get_end(self, opinion: Opinion) -> str | None:
        return sign(opinion.end) or None

    def get_rejected(self, opinion: Opinion) -> bool:
        return opinion.semantic_id is None


class OpinionWishSerializer(serializers.Serializer[Any]):
    """Either a change with the end that shows it, or `rejected`: nothing one could name."""

    change = serializers.CharField(required=False, max_length=200, help_text="in a word or two")
    end = serializers.CharField(required=False, default="+", help_text="'+' or '-'; '+' without it")
    rejected = serializers.BooleanField(required=False, default=False)


class ComponentSerializer(serializers.Serializer[Any]):
    """A component that an unsupervised finder found: of no pair, and in no community direction.

    `change` is its name once people agree on one. Strips always stand as it was found; files are turned so
    that + shows the change where `end` is '-'.
    """

    id = serializers.UUIDField(source="component.id")
    generator = serializers.CharField(source="component.generator.slug")
    finder = serializers.ChoiceField(list(FINDER_TITLES), source="component.finder")
    index = serializers.IntegerField(source="component.index", help_text="which of the finder's, from 0")
    state = serializers.ChoiceField(["open", "named", "rejected"], source="component.state")
    change = serializers.CharField(source="component.semantic.name", default=None, allow_null=True)
    slug = serializers.CharField(source="component.semantic.slug", default=None, allow_null=True)
    end = serializers.SerializerMethodField(help_text="the end that shows the change")
    agreeing = serializers.IntegerField(
        source="component.num_agreeing", help_text="people behind the leading name"
    )
    rejections = serializers.IntegerField(source="component.num_rejections")
    names = NameTallySerializer(many=True)
    mine = OpinionSerializer(allow_null=True, help_text="what I said of it, where I am signed in")
    strips = StripSerializer(many=True)
    provenance = serializers.SerializerMethodField()

    def get_end(self, card: Card) -> str | None:
        return sign(card.component.end) or None

    @extend_schema_field(
        {
            "type": "object",
            "properties": {
                "options": {"type": "object", "additionalProperties": {}},
                "samples": {"type": "integer"},
                "seed": {"type": "integer"},
                "explained": {"type": "number"},
                "step": {"type": "number"},
                "space": {"type": "string"},
                "bundle_digest": {"type": "string"},
                "vector_digest": {"type": "string"},
                "found_at": {"type": "string", "format": "date-time"},
            },
        }
    )
    def get_provenance(self, card: Card) -> dict[str, Any]:
        found = card.component
        return {
            "options": found.options,
            "samples": found.samples,
            "seed": found.seed,
            "explained": found.explained,
            "step": found.step,
            "space": found.space,
            "bundle_digest": found.bundle_digest,
            "vector_digest": found.vector_digest,
            "found_at": found.found_at.isoformat(),
        }


class Components(APIView):
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="components_list",
        parameters=[
            GENERATOR,
            OpenApiParameter("which", str, enum=WHICH, description="'unsettled' leaves out rejected ones."),
            OpenApiParameter("finder", str, enum=list(FINDER_TITLES)),
            OpenApiParameter("change", str, description="A change's slug: those that bear its name."),
            *PAGING,
        ],
        responses=paged("Component", ComponentSerializer),
    )
    def get(self, request: Request) -> Response:
        """What the unsupervised finders found on a generator, the most telling first."""
        asked = request.query_params
        change = asked.get("change")
        rows = component_list(
            generator=generator_or_default(asked.get("generator")),
            which=asked.get("which") or "unsettled",
            finder=asked.get("finder", ""),
            semantic=access_semantic(change) if change else None,
        )
        return page_answer(
            request, rows, lambda page: ComponentSerializer(cards_of(page, person(request)), many=True).data
        )


class OneComponent(APIView):
    permission_classes = [AllowAny]

    @extend_schema(operation_id="components_get", responses=ComponentSerializer)
    def get(self, request: Request, id: UUID) -> Response:
        """One component with what people say of it."""
        return _answer(request, id)


class ComponentOpinion(APIView):
    permission_classes = [IsAuthenticatedOrReadOnly]

    @extend_schema(
        operation_id="components_say", request=OpinionWishSerializer, responses=ComponentSerializer
    )
    @throttled("opinions")
    def put(self, request: Request, id: UUID) -> Response:
        """Say what it changes, or that it is nothing one could name; in place of what I said before."""
        wish = OpinionWishSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        said = wish.validated_data
        component = access_component(id)
        if said["rejected"] == bool(said.get("change")):
            raise UserError(
                "discover:opinion",
                "A change and `rejected`, or neither of them, came; exactly one was wanted.",
                'Send {"change": "smile", "end": "+"} or {"rejected": true}.',
            )
        if said["rejected"]:
            opinion_reject(person=signed_in(request), component=component)
        else:
            opinion_name(
                person=signed_in(request), component=component, change=said["change"], end=said["end"]
            )
        return _answer(request, id)

    @extend_schema(operation_id="components_unsay", responses=ComponentSerializer)
    @throttled("opinions")
    def delete(self, request: Request, id: UUID) -> Response:
        """Take back what I said of it. 404 `opinion:not-found`: I said nothing."""
        opinion_withdraw(person=signed_in(request), component=access_component(id))
        return _answer(request, id)


class ComponentFile(APIView):
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="components_file",
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            (200, "application/json"): OpenApiTypes.OBJECT,
        },
    )
    def get(self, request: Request, id: UUID, extension: str) -> HttpResponse:
        """As a file: `safetensors`, `npz` for the library, `json` for reading. + shows its name's change."""
        component = access_component(id)
        name = file_name(component, extension)
        if extension == "json":
            (card,) = cards_of([component], None)
            body: dict[str, Any] = dict(ComponentSerializer(card).data)
            del body["mine"]
            body |= {"vector": component_vector(component).tolist()}
            body["provenance"] |= {"file_vector_digest": component_digest(component)}
            answer = Response(body)
            answer["Content-Disposition"] = f'attachment; filename="{name}"'
            return answer
        if extension not in FORMATS:
            raise NotFound("component")
        return file_answer(file_bytes(component_load(component), extension), name)


def _answer(request: Request, id: UUID) -> Response:
    (card,) = cards_of([access_component(id)], person(request))
    return Response(ComponentSerializer(card).data)
