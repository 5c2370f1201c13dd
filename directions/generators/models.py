"""The generators that this commons knows: one row a bundle, identified by the digest of its content."""

from __future__ import annotations

from django.db import models


class Generator(models.Model):
    """A registered bundle. Rows never change their digest: another content is another generator."""

    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=100)
    description = models.TextField(blank=True, default="")
    digest = models.CharField(max_length=64, unique=True)
    location = models.CharField(max_length=500, help_text="what Bundle.load takes: a name or a folder")
    manifest_sha256 = models.CharField(
        max_length=64,
        help_text="of bundle.toml, which holds the sha256 of every file: a quick look for changes",
    )
    family = models.CharField(max_length=40)
    space = models.CharField(max_length=8)
    resolution = models.PositiveIntegerField()
    num_layers = models.PositiveIntegerField()
    code_dim = models.PositiveIntegerField()
    thresholds = models.JSONField(default=dict)
    metric_weights = models.JSONField(default=list)
    drawn_world = models.BooleanField(default=False, help_text="pages say that its pictures are drawn")
    licence = models.CharField(max_length=100, blank=True, default="")
    is_default = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="generators_one_default"
            )
        ]

    def __str__(self) -> str:
        return self.title
