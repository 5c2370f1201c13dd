from django.apps import AppConfig


class InversionsConfig(AppConfig):
    name = "directions.inversions"
    label = "inversions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from direction_commons.media.services import register_follower
        from directions.inversions.models import Inversion

        register_follower(Inversion, "image")  # it goes with its picture
