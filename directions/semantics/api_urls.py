from django.urls import path

from directions.semantics import api

urlpatterns = [
    path("semantics/", api.SemanticsView.as_view()),
    path("semantics/<slug:slug>/", api.SemanticView.as_view()),
]
