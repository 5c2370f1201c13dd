"""Photos that people edit, and their edits written down as recipes."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Photo(models.Model):
    """A picture to edit. `owner` null: a sample face that everybody may use."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="photos"
    )
    image = models.ForeignKey("media.StoredImage", on_delete=models.CASCADE, related_name="photos")
    title = models.CharField(max_length=80, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.title or f"photo {self.id}"


class Recipe(models.Model):
    """An edit, written down: replaying it gives the same pixels.

    `steps`: [{"kind": "community", "version": id, ...} or {"kind": "pair", "direction": uuid}, "intensity"].
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="recipes")
    generator = models.ForeignKey("generators.Generator", on_delete=models.CASCADE, related_name="+")
    steps = models.JSONField()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="recipes"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"recipe {self.id}"
