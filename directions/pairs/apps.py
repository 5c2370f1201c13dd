from django.apps import AppConfig


class PairsConfig(AppConfig):
    name = "directions.pairs"
    label = "pairs"
    default_auto_field = "django.db.models.BigAutoField"
