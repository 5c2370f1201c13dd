"""Photos that people edit, and their edits written down as recipes."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.formats import date_format
from django.utils.timezone import localtime


class Photo(models.Model):
    """A picture to edit. Without an owner it is a sample face, named by `sample`, that everybody may use."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="photos"
    )
    sample = models.SlugField(max_length=40, null=True, blank=True, unique=True)
    image = models.ForeignKey("media.StoredImage", on_delete=models.CASCADE, related_name="photos")
    title = models.CharField(max_length=80, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "image"], name="studio_one_photo_a_person_and_picture"),
            models.CheckConstraint(
                condition=models.Q(owner__isnull=True, sample__isnull=False)
                | models.Q(owner__isnull=False, sample__isnull=True),
                name="studio_a_sample_has_no_owner",
            ),
        ]
        indexes = [models.Index(fields=["owner", "-created_at"], name="studio_photos_of_a_person")]

    def __str__(self) -> str:
        return self.title or f"photo {self.id}"

    @property
    def name(self) -> str:
        """What pages call it: its title, or when it came. A file's name can be private, and is not kept."""
        return self.title or f"Photo of {date_format(localtime(self.created_at), 'j F, H:i')}"


class Recipe(models.Model):
    """An edit, written down: replaying it gives the same pixels, or is refused.

    `steps`: [{"kind": "community" | "pair" | "component", "id", "intensity", "change", "version",
    "vector_sha256", "step"}], as `steps_resolve` found them. The codes and every vector are named by the
    sha256 of their bytes, so that a replay can tell that something is no longer what it was.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="recipes")
    generator = models.ForeignKey("generators.Generator", on_delete=models.CASCADE, related_name="+")
    codes_sha256 = models.CharField(max_length=64)
    steps = models.JSONField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recipes")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "-created_at"], name="studio_recipes_of_a_person")]

    def __str__(self) -> str:
        return f"recipe {self.id}"
