from django.urls import path

from directions.discover import api

urlpatterns = [
    path("components/", api.Components.as_view()),
    path("components/<uuid:id>/", api.OneComponent.as_view()),
    path("components/<uuid:id>/opinion/", api.ComponentOpinion.as_view()),
    path("components/<uuid:id>.<slug:extension>", api.ComponentFile.as_view()),
]
