from django.urls import path

from directions.generators import api

urlpatterns = [
    path("generators/", api.GeneratorsView.as_view()),
    path("generators/<slug:slug>/", api.GeneratorView.as_view()),
]
