"""Addresses of the studio's API."""

from __future__ import annotations

from django.urls import path

from directions.studio.api import photos, previews, recipes

urlpatterns = [
    path("photos/", photos.Photos.as_view(), name="api-photos"),
    path("photos/<uuid:id>/", photos.OnePhoto.as_view(), name="api-photo"),
    path("photos/<uuid:id>/preview/", previews.Preview.as_view(), name="api-preview"),
    path("photos/<uuid:id>/domain/", previews.Domain.as_view(), name="api-domain"),
    path("photos/<uuid:id>/recipes/", recipes.Recipes.as_view(), name="api-recipes"),
    path("recipes/replay/", recipes.RecipeReplay.as_view(), name="api-recipe-replay"),
    path("recipes/<uuid:id>/", recipes.OneRecipe.as_view(), name="api-recipe"),
    path("recipes/<uuid:id>/image.png", recipes.RecipeImage.as_view(), name="api-recipe-image"),
    path("sliders/", previews.Sliders.as_view(), name="api-sliders"),
    path("samples/", photos.Samples.as_view(), name="api-samples"),
]
