from typing import Any

from django.apps import AppConfig
from django.db import transaction
from django.db.models.signals import post_delete


class MediaConfig(AppConfig):
    name = "direction_commons.media"
    label = "media"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from direction_commons.media.models import StoredImage
        from direction_commons.media.services import files_forget

        def forget(instance: StoredImage, **_: Any) -> None:
            transaction.on_commit(lambda: files_forget(image=instance), robust=True)

        # Sent for each row of a cascade, too: deleting an account deletes its files.
        post_delete.connect(forget, sender=StoredImage, weak=False, dispatch_uid="media.files")
