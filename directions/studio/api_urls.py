"""Addresses of the studio's API."""

from __future__ import annotations

from django.urls import path

from directions.studio import api

urlpatterns = [
    path("photos/", api.Photos.as_view(), name="api-photos"),
    path("photos/<uuid:id>/", api.OnePhoto.as_view(), name="api-photo"),
    path("photos/<uuid:id>/preview/", api.Preview.as_view(), name="api-preview"),
    path("photos/<uuid:id>/recipes/", api.Recipes.as_view(), name="api-recipes"),
    path("recipes/replay/", api.RecipeReplay.as_view(), name="api-recipe-replay"),
    path("recipes/<uuid:id>/", api.OneRecipe.as_view(), name="api-recipe"),
    path("recipes/<uuid:id>/image.png", api.RecipeImage.as_view(), name="api-recipe-image"),
    path("sliders/", api.Sliders.as_view(), name="api-sliders"),
    path("samples/", api.Samples.as_view(), name="api-samples"),
    path("tray/", api.TrayView.as_view(), name="api-tray"),
]
