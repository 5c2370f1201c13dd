"""Addresses of the pages of contributions; included at the root."""

from __future__ import annotations

from django.urls import path

from directions.pairs import views

app_name = "pairs"
urlpatterns = [
    path("contribute/", views.contribute, name="contribute"),
    path("contributions/<uuid:id>/", views.contribution, name="contribution"),
    path("contributions/<uuid:id>/progress/", views.progress, name="progress"),
    path("contributions/<uuid:id>/community/", views.membership, name="membership"),
    path("contributions/<uuid:id>/cancel/", views.cancel, name="cancel"),
    path("contributions/<uuid:id>/retry/", views.retry, name="retry"),
    path("contributions/<uuid:id>/withdraw/", views.withdraw, name="withdraw"),
    path("contributions/<uuid:id>/show/", views.show, name="show"),
    path("contributions/<uuid:id>/hide/", views.hide, name="hide"),
    path("contributions/<uuid:id>/delete/", views.delete, name="delete"),
]
