"""`/media/<uuid>/`."""

from django.urls import path

from direction_commons.media import views

app_name = "media"
urlpatterns = [path("media/<uuid:id>/", views.image, name="image")]
