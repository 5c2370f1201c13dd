from django.urls import path

from directions.pairs import api

urlpatterns = [
    path("pairs/", api.PairsView.as_view()),
    path("pairs/<uuid:id>/", api.PairView.as_view()),
    path("pairs/<uuid:id>/cancel/", api.PairCancel.as_view()),
    path("pairs/<uuid:id>/retry/", api.PairRetry.as_view()),
    path("pairs/<uuid:id>/withdraw/", api.PairWithdraw.as_view()),
    path("pairs/<uuid:id>/direction.<slug:extension>", api.PairDirection.as_view()),
]
