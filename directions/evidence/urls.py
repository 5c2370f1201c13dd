"""Addresses of the evidence's pages; included at the root."""

from __future__ import annotations

from django.urls import path

from directions.evidence import views

app_name = "evidence"
urlpatterns = [
    path("evidence/", views.index, name="index"),
    path("evidence/<slug:slug>/", views.report, name="report"),
    path("evidence/<slug:slug>/report.json", views.download, name="download"),
]
