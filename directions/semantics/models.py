"""What can change in a picture, in words. In code a semantic; on pages a *change*."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Semantic(models.Model):
    """A named change ("smile"). Unique by its normalised name; `slug` is its address."""

    name = models.CharField(max_length=60)
    normalised = models.CharField(max_length=60, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name
