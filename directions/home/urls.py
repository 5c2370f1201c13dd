"""Addresses of the pages that show every room; included at the root."""

from __future__ import annotations

from django.urls import path

from directions.home import views

app_name = "home"
urlpatterns = [
    path("", views.home, name="home"),
    path("about/", views.about, name="about"),
    path("me/", views.me, name="me"),
    path("demonstration/progress/", views.demo, name="demo"),
]
