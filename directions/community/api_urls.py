from django.urls import path

from directions.community import api

urlpatterns = [
    path("community/", api.CommunityView.as_view()),
    path("community/<int:id>/versions/", api.SeriesVersions.as_view()),
    path("community/versions/<int:id>/", api.VersionView.as_view()),
    path("community/versions/<int:id>.<slug:extension>", api.VersionFile.as_view()),
]
