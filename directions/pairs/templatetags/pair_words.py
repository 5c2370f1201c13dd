"""Words of this room for templates."""

from __future__ import annotations

from django import template

from directions.inversions.models import Inversion
from directions.pairs.words import copy_words

register = template.Library()


@register.filter
def copy_in_words(inversion: Inversion) -> str:
    limit = inversion.generator.thresholds.get("out_of_domain", 0.0)
    return copy_words(inversion.error, float(limit)) if inversion.error is not None else ""
