from django.apps import AppConfig


class CommunityConfig(AppConfig):
    name = "directions.community"
    label = "community"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from directions.community import receivers  # noqa: F401
        from directions.community.selectors import has_pairs, has_version
        from directions.semantics.selectors import register_use

        register_use("pairs", has_pairs)
        register_use("community", has_version)
