from django.apps import AppConfig


class SemanticsConfig(AppConfig):
    name = "directions.semantics"
    label = "semantics"
    default_auto_field = "django.db.models.BigAutoField"
