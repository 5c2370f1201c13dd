"""Addresses of the generators' pages; included at the root."""

from __future__ import annotations

from django.urls import path

from directions.generators import views

app_name = "generators"
urlpatterns = [path("generators/", views.index, name="index")]
