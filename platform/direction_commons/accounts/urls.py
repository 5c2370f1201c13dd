"""What a person does with the account itself; signing up and in is allauth's."""

from __future__ import annotations

from django.urls import path

from direction_commons.accounts import views

app_name = "accounts"
urlpatterns = [
    path("me/tokens/", views.token_new, name="token-create"),
    path("me/tokens/<uuid:id>/delete/", views.token_gone, name="token-delete"),
    path("me/export.json", views.export, name="export"),
    path("me/delete/", views.delete, name="delete"),
]
