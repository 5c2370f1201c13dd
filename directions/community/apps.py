from django.apps import AppConfig


class CommunityConfig(AppConfig):
    name = "directions.community"
    label = "community"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from directions.community import receivers  # noqa: F401
