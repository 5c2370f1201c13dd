"""Pictures as we keep them: re-encoded, without metadata, one file a person and content."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

PREVIEW_SIDES = (256, 512)
"""Smaller copies that intake makes where the picture is larger."""

COMMONS = "commons"
"""The folder of what the program itself made."""


class StoredImage(models.Model):
    """One picture on disk at `<owner or "commons">/<sha256>`; the file is there before this row commits.

    `owner` null means that the program itself made it (strips of community directions, samples).
    `public` pictures may be seen by anybody, others only by their owner (everybody else gets the same 404).
    `kind` tells an upload from something derived of it, so that quotas count uploads only.
    """

    class Kind(models.TextChoices):
        UPLOAD = "upload"
        DERIVED = "derived"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="images"
    )
    sha256 = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.UPLOAD)
    content_type = models.CharField(max_length=20)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size = models.PositiveIntegerField(help_text="bytes on disk")
    public = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "sha256"], name="media_one_file_a_person_and_content", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.sha256[:12]}"

    @property
    def path(self) -> str:
        """Where the file lies in the storage."""
        return f"{self.owner_id or COMMONS}/{self.sha256}"

    def preview_path(self, side: int) -> str:
        return f"{self.path}.{side}"

    def preview_paths(self) -> list[str]:
        """The smaller copies that exist beside the file (of uploads only)."""
        if self.kind != self.Kind.UPLOAD:
            return []
        return [self.preview_path(side) for side in PREVIEW_SIDES if side < max(self.width, self.height)]

    def path_for(self, width: int | None) -> str:
        """The smallest file that is at least `width` pixels on its longer side; None: the picture itself."""
        fitting = [
            path for path in self.preview_paths() if width is not None and int(path.rsplit(".")[-1]) >= width
        ]
        return fitting[0] if fitting else self.path
