"""Recipes over HTTP: an edit written down, kept or downloaded, and replayed to the same pixels."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from direction_commons.api.people import person, signed_in
from directions.generators.api import GENERATOR
from directions.studio.access import access_photo, access_recipe
from directions.studio.api import generator_in
from directions.studio.api.previews import (
    FORMAT,
    PICTURE,
    EditSerializer,
    PictureView,
    StepSerializer,
    picture_answer,
    steps_in,
)
from directions.studio.models import Recipe
from directions.studio.previews import throttle_previews
from directions.studio.recipes import recipe_document, recipe_read, recipe_replay
from directions.studio.services import recipe_delete, recipe_save


class RecipeStepSerializer(StepSerializer):
    change = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    vector_sha256 = serializers.CharField()
    step = serializers.FloatField(help_text="latent units of intensity 1.0")


class RecipePhotoSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    sha256 = serializers.CharField()


class RecipeGeneratorSerializer(serializers.Serializer[Any]):
    slug = serializers.SlugField()
    digest = serializers.CharField()


class RecipeDocumentSerializer(serializers.Serializer[Any]):
    """An edit, written down: the same document gives the same pixels, or is refused with 410."""

    format = serializers.CharField()
    photo = RecipePhotoSerializer()
    generator = RecipeGeneratorSerializer()
    codes_sha256 = serializers.CharField()
    steps = RecipeStepSerializer(many=True)


class RecipeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    image = serializers.CharField(help_text="address of the picture, PNG")
    document = RecipeDocumentSerializer()


def recipe_body(recipe: Recipe) -> dict[str, Any]:
    return {
        "id": str(recipe.pk),
        "created_at": recipe.created_at,
        "image": reverse("api-recipe-image", args=[recipe.pk]),
        "document": recipe_document(recipe),
    }


class Recipes(APIView):
    """Edits of one photo, written down."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="recipes_create",
        parameters=[GENERATOR],
        request=EditSerializer,
        responses={201: RecipeSerializer},
    )
    def post(self, request: Request, id: UUID) -> Response:
        """Keep an edit as a recipe."""
        recipe = recipe_save(
            user=signed_in(request),
            photo=access_photo(signed_in(request), id),
            generator=generator_in(request),
            steps=steps_in(request),
        )
        return Response(recipe_body(recipe), status=201)


class OneRecipe(APIView):
    """One of my recipes."""

    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="recipes_get", responses=RecipeSerializer)
    def get(self, request: Request, id: UUID) -> Response:
        """A recipe of mine."""
        return Response(recipe_body(access_recipe(signed_in(request), id)))

    @extend_schema(operation_id="recipes_delete", responses={204: None})
    def delete(self, request: Request, id: UUID) -> Response:
        """Delete a recipe; the photo stays."""
        recipe_delete(recipe=access_recipe(signed_in(request), id))
        return Response(status=204)


class RecipeImage(PictureView):
    """A recipe's picture."""

    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="recipes_image", parameters=[FORMAT], responses=PICTURE)
    def get(self, request: Request, id: UUID) -> HttpResponse:
        """Replay the recipe: the same pixels as ever, or 410 when something it names was withdrawn."""
        throttle_previews(request)
        recipe = access_recipe(signed_in(request), id)
        return picture_answer(
            recipe_replay(user=signed_in(request), recipe=recipe, format=self.wanted(request, "png"))
        )


class RecipeReplay(PictureView):
    """A downloaded recipe's picture."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="recipes_replay",
        parameters=[FORMAT],
        request=RecipeDocumentSerializer,
        responses=PICTURE,
    )
    def post(self, request: Request) -> HttpResponse:
        """Replay a downloaded recipe: the same pixels as ever, or 410 when something was withdrawn."""
        throttle_previews(request)
        user = person(request)
        recipe = recipe_read(user=user, document=request.data)
        return picture_answer(recipe_replay(user=user, recipe=recipe, format=self.wanted(request, "png")))
