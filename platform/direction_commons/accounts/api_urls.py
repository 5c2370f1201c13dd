"""`accounts/`, `tokens/` and `me/` below /api/v1/."""

from django.urls import path

from direction_commons.accounts import api

urlpatterns = [
    path("accounts/", api.AccountsView.as_view(), name="api-accounts"),
    path("tokens/", api.TokensView.as_view(), name="api-tokens"),
    path("tokens/<uuid:id>/", api.TokenView.as_view(), name="api-token"),
    path("me/", api.MeView.as_view(), name="api-me"),
    path("me/export/", api.ExportView.as_view(), name="api-export"),
]
