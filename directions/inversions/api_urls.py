from django.urls import path

from directions.inversions import api

urlpatterns = [path("inversions/<uuid:id>/", api.InversionView.as_view())]
