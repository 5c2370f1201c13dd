"""Addresses of the catalog's pages; included at the root."""

from __future__ import annotations

from django.urls import path

from directions.catalog import views

app_name = "catalog"
urlpatterns = [
    path("catalog/", views.index, name="index"),
    path("catalog/<slug:slug>/", views.semantic, name="semantic"),
]
