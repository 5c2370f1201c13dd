"""Contributions: a before and an after, and the direction that each generator finds between them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Pair(models.Model):
    """Two pictures, a semantic and a contributor. It belongs to **no** generator.

    A withdrawn pair keeps its row (the contributor's list says so) and nothing else: no picture, no
    direction.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    semantic = models.ForeignKey("semantics.Semantic", on_delete=models.PROTECT, related_name="pairs")
    contributor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="pairs")
    # RESTRICT: nobody deletes a picture from under a pair. Null once the pair is withdrawn.
    before = models.ForeignKey("media.StoredImage", on_delete=models.RESTRICT, null=True, related_name="+")
    after = models.ForeignKey("media.StoredImage", on_delete=models.RESTRICT, null=True, related_name="+")
    demonstration = models.BooleanField(default=False)
    pictures_public = models.BooleanField(default=False, help_text="may the pictures be shown to others")
    created_at = models.DateTimeField(auto_now_add=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["contributor", "-created_at"], name="pairs_of_a_person"),
            models.Index(fields=["semantic", "-created_at"], name="pairs_of_a_semantic"),
        ]

    def __str__(self) -> str:
        return f"{self.semantic} by {self.contributor}"


class Direction(models.Model):
    """*(pair, generator)*: the unit vector from before's code to after's, its step and its quality."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting for its inversions"
        DERIVING = "deriving"
        READY = "ready"
        REFUSED = "refused", "refused: said why, enters no version"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="directions")
    generator = models.ForeignKey("generators.Generator", on_delete=models.CASCADE, related_name="directions")
    before_inversion = models.ForeignKey("inversions.Inversion", on_delete=models.CASCADE, related_name="+")
    after_inversion = models.ForeignKey("inversions.Inversion", on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    verdict = models.CharField(
        max_length=40, blank=True, default="", help_text="stable code of a refusal or failure"
    )
    reason = models.TextField(blank=True, default="", help_text="what the person is told")
    vector = models.BinaryField(null=True, blank=True, help_text="unit vector, float32 LE")
    shape = models.JSONField(default=list, blank=True, help_text="[L, D]")
    digest = models.CharField(max_length=64, blank=True, default="", help_text="of the bundle")
    space = models.CharField(max_length=8, blank=True, default="")
    step = models.FloatField(null=True, blank=True, help_text="||after - before|| in latent units")
    quality = models.JSONField(default=dict, blank=True)
    strip = models.ForeignKey(
        "media.StoredImage",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="five pictures of the pair's own before, from - to +",
    )
    sample_strip = models.ForeignKey(
        "media.StoredImage",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="the same on a sample face",
    )
    strip_intensities = models.JSONField(
        default=list, blank=True, help_text="of both strips, from left to right"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pair", "generator"], name="pairs_one_direction_a_generator")
        ]
        indexes = [models.Index(fields=["generator", "state"], name="pairs_directions_by_state")]

    def __str__(self) -> str:
        return f"direction of {self.pair_id} on {self.generator_id}: {self.state}"
