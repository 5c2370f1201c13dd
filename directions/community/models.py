"""Community directions: numbered, immutable averages of everybody's directions for one semantic."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Series(models.Model):
    """The versions of one (semantic, generator, space, demonstration or real)."""

    semantic = models.ForeignKey("semantics.Semantic", on_delete=models.CASCADE, related_name="series")
    generator = models.ForeignKey("generators.Generator", on_delete=models.CASCADE, related_name="series")
    space = models.CharField(max_length=8)
    demonstration = models.BooleanField(default=False)
    latest = models.ForeignKey("Version", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    disagreeing = models.PositiveIntegerField(
        default=0, help_text="pairs that agreed on no direction when last averaged; 0: they agreed"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["semantic", "generator", "space", "demonstration"], name="community_one_series_a_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.semantic} on {self.generator}"


class Version(models.Model):
    """One published average. It never changes: the database refuses updates.

    `members` are opaque ids ([{"direction": uuid, "weight": float, "cosine": float}]), not foreign keys, so
    that erasure and immutability do not fight. The vector itself lies in `VersionVector`, which goes away
    when a member is withdrawn.
    """

    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    members = models.JSONField()
    num_members = models.PositiveIntegerField()
    num_contributors = models.PositiveIntegerField()
    resultant = models.FloatField(help_text="mean resultant length R in the effect metric")
    agreement = models.FloatField(null=True, blank=True, help_text="mean cosine of two members, from 3 on")
    step = models.FloatField(help_text="latent units of intensity 1.0")
    method = models.CharField(max_length=40)
    space = models.CharField(max_length=8)
    bundle_digest = models.CharField(max_length=64)
    vector_digest = models.CharField(max_length=64)
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "number"], name="community_version_numbers")]
        indexes = [
            # Withdrawal asks "which versions hold this direction?".
            GinIndex(fields=["members"], opclasses=["jsonb_path_ops"], name="community_members"),
            # The catalog's orders.
            models.Index(fields=["-num_members", "id"], name="community_by_members"),
            models.Index(models.F("agreement").desc(nulls_last=True), "id", name="community_by_agreement"),
            models.Index(fields=["-published_at", "id"], name="community_by_date"),
        ]
        triggers = [pgtrigger.Protect(name="never_changes", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.series} v{self.number}"


class VersionVector(models.Model):
    """The numbers of a version, and the pictures made with them."""

    version = models.OneToOneField(Version, on_delete=models.CASCADE, primary_key=True, related_name="vector")
    data = models.BinaryField(help_text="unit vector, float32 LE")
    shape = models.JSONField(help_text="[L, D]")

    def __str__(self) -> str:
        return f"vector of {self.version_id}"


class VersionStrip(models.Model):
    """Five pictures of one face, from - to +, side by side in one file."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="strips")
    face = models.PositiveSmallIntegerField(help_text="which of the generator's sample faces")
    intensities = models.JSONField()
    image = models.ForeignKey("media.StoredImage", on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "face"], name="community_one_strip_a_face")]
        ordering = ["face"]

    def __str__(self) -> str:
        return f"strip {self.face} of {self.version_id}"
