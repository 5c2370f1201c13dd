"""Addresses of the studio's pages; included at the root."""

from __future__ import annotations

from django.urls import path

from directions.studio import views

app_name = "studio"
urlpatterns = [
    path("studio/", views.index, name="index"),
    path("studio/<uuid:id>/", views.photo, name="photo"),
    path("studio/<uuid:id>/progress/", views.progress, name="progress"),
    path("studio/<uuid:id>/preview/", views.preview_image, name="preview"),
    path("studio/<uuid:id>/domain/", views.domain, name="domain"),
    path("studio/<uuid:id>/download.png", views.download, name="download"),
    path("studio/<uuid:id>/recipe.json", views.recipe, name="recipe"),
    path("studio/<uuid:id>/delete/", views.delete, name="delete"),
]
