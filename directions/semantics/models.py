"""What can change in a picture, in words. In code a semantic; on pages a *change*."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Semantic(models.Model):
    """A named change ("smile"). Unique by its normalised name; `slug` is its address.

    `trigrams` are the normalised name's, for search that forgives typos: the PostgreSQL that comes from a
    wheel has no pg_trgm, and an array under a GIN index gives the same.
    """

    name = models.CharField(max_length=60)
    normalised = models.CharField(max_length=180, unique=True)  # casefolding lengthens
    slug = models.SlugField(max_length=80, unique=True)
    trigrams = ArrayField(models.CharField(max_length=3), default=list)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [GinIndex(fields=["trigrams"], name="semantics_trigrams")]

    def __str__(self) -> str:
        return self.name
