from django.apps import AppConfig


class PairsConfig(AppConfig):
    name = "directions.pairs"
    label = "pairs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from directions.pairs import receivers  # noqa: F401
