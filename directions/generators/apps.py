from django.apps import AppConfig


class GeneratorsConfig(AppConfig):
    name = "directions.generators"
    label = "generators"
    default_auto_field = "django.db.models.BigAutoField"
