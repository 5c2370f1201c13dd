from django.apps import AppConfig


class DiscoverConfig(AppConfig):
    name = "directions.discover"
    label = "discover"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from direction_commons.accounts.services import register_eraser, register_exporter
        from directions.discover import receivers  # noqa: F401
        from directions.discover.selectors import has_opinions, opinions_export
        from directions.discover.services import opinions_erase
        from directions.semantics.selectors import register_keeper, register_use

        register_eraser("discover", opinions_erase)
        register_exporter("discover", opinions_export)
        register_use("discover", has_opinions)
        register_keeper("discover", has_opinions)
