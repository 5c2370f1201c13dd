"""All addresses. Rooms above the platform are named by string only; each names its own addresses below."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from direction_commons.accounts.views import addresses, sign_in
from direction_commons.config.health import healthz

ROOMS = [
    "directions.home",
    "directions.catalog",
    "directions.discover",
    "directions.pairs",
    "directions.semantics",
    "directions.studio",
    "directions.generators",
    "directions.evidence",
    "direction_commons.accounts",
    "direction_commons.media",
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("api/v1/", include("direction_commons.config.api_urls")),
    # allauth's names and pages, answered more carefully
    path("accounts/login/", sign_in),
    path("accounts/email/", addresses),
    path("accounts/", include("allauth.account.urls")),
    *[path("", include(f"{room}.urls")) for room in ROOMS],
]

handler400 = "direction_commons.pages.bad_request"
handler403 = "direction_commons.pages.forbidden"
handler404 = "direction_commons.pages.not_found"
handler500 = "direction_commons.pages.server_error"
