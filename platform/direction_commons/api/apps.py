from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "direction_commons.api"
    label = "api"
    default_auto_field = "django.db.models.BigAutoField"
