from django.urls import path

from directions.evidence import api

urlpatterns = [
    path("evidence/", api.EvidenceList.as_view()),
    path("generators/<slug:slug>/evidence/", api.GeneratorEvidence.as_view()),
]
