from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    name = "directions.evidence"
    label = "evidence"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from directions.evidence import receivers  # noqa: F401
