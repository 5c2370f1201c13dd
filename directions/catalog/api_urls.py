"""Addresses of the catalog's API."""

from __future__ import annotations

from django.urls import path

from directions.catalog import api

urlpatterns = [
    path("catalog/", api.Catalog.as_view(), name="api-catalog"),
    path("catalog/<slug:slug>/", api.CatalogOne.as_view(), name="api-catalog-change"),
]
