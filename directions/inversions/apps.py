from django.apps import AppConfig


class InversionsConfig(AppConfig):
    name = "directions.inversions"
    label = "inversions"
    default_auto_field = "django.db.models.BigAutoField"
