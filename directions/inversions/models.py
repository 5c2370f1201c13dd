"""An inversion: a picture as a latent code of one generator, with its reconstruction and measured error."""

from __future__ import annotations

import uuid

from django.db import models


class Inversion(models.Model):
    """*(picture, generator)*: computed once, used by pairs and photos alike. Codes are whole, float32 LE."""

    class State(models.TextChoices):
        WAITING = "waiting"
        READY = "ready"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    image = models.ForeignKey("media.StoredImage", on_delete=models.CASCADE, related_name="inversions")
    generator = models.ForeignKey("generators.Generator", on_delete=models.CASCADE, related_name="inversions")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    reason = models.TextField(blank=True, default="")
    codes = models.BinaryField(null=True, blank=True)
    shape = models.JSONField(default=list, blank=True, help_text="[L, D]")
    digest = models.CharField(
        max_length=64, blank=True, default="", help_text="of the bundle that made the codes"
    )
    error = models.FloatField(null=True, blank=True, help_text="compared with the bundle's out_of_domain")
    psnr = models.FloatField(null=True, blank=True)
    lpips = models.FloatField(null=True, blank=True)
    out_of_domain = models.BooleanField(default=False)
    steps = models.PositiveIntegerField(default=0)
    reconstruction = models.ForeignKey(
        "media.StoredImage", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["image", "generator"], name="inversions_one_a_picture_and_generator"
            )
        ]

    def __str__(self) -> str:
        return f"inversion of {self.image_id} on {self.generator_id}: {self.state}"
