from django.apps import AppConfig


class PairsConfig(AppConfig):
    name = "directions.pairs"
    label = "pairs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from direction_commons.accounts.services import register_eraser, register_exporter
        from directions.pairs import receivers  # noqa: F401
        from directions.pairs.selectors import pairs_export
        from directions.pairs.services import pairs_erase

        register_eraser("pairs", pairs_erase)
        register_exporter("pairs", pairs_export)
