"""Addresses of the changes' own pages; included at the root."""

from __future__ import annotations

from django.urls import path

from directions.semantics import views

app_name = "semantics"
urlpatterns = [path("changes/suggest/", views.suggest, name="suggest")]
