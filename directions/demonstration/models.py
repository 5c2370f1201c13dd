"""The demonstration community's plan: what is still to be contributed, so that its progress can be shown."""

from __future__ import annotations

from django.db import models


class PlannedPair(models.Model):
    """One pair that a demonstration person will contribute; `pair` is set once it has been."""

    class Flaw(models.TextChoices):
        NONE = "none"
        PASTE_UP = "paste-up", "crude paste-up"
        MISLABELLED = "mislabelled"

    position = models.PositiveIntegerField(unique=True, help_text="contributed in this order")
    semantic_name = models.CharField(max_length=60)
    username = models.CharField(max_length=60)
    scene = models.JSONField(help_text="seed and attributes of the before and the after")
    flaw = models.CharField(max_length=12, choices=Flaw.choices, default=Flaw.NONE)
    pair = models.OneToOneField(
        "pairs.Pair", on_delete=models.SET_NULL, null=True, blank=True, related_name="plan"
    )

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.semantic_name} ({self.flaw})"
