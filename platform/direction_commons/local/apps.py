from django.apps import AppConfig


class LocalConfig(AppConfig):
    name = "direction_commons.local"
    label = "local"
