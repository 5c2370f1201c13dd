"""Address of the tray's API."""

from __future__ import annotations

from django.urls import path

from directions.tray import api

urlpatterns = [path("tray/", api.TrayView.as_view(), name="api-tray")]
