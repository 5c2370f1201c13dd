"""Addresses of the Discover pages; included at the root."""

from __future__ import annotations

from django.urls import path

from directions.discover import views

app_name = "discover"
urlpatterns = [
    path("discover/", views.index, name="index"),
    path("discover/<uuid:id>/", views.component, name="component"),
    path("discover/<uuid:id>/opinion/", views.opinion, name="opinion"),
]
