from django.apps import AppConfig


class TrayConfig(AppConfig):
    name = "directions.tray"
    label = "tray"
