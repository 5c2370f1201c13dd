from django.apps import AppConfig


class StudioConfig(AppConfig):
    name = "directions.studio"
    label = "studio"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from direction_commons.accounts.services import register_exporter
        from directions.studio import receivers  # noqa: F401
        from directions.studio.selectors import studio_export

        register_exporter("studio", studio_export)
