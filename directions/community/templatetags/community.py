"""What pages of lower rooms show of the community: a template may stand above the room whose page it is."""

from __future__ import annotations

from typing import Any

from django import template

from directions.community.models import Series
from directions.pairs.models import Direction

register = template.Library()
LOOKS = 60  # then the page stops looking by itself


@register.filter
def agreement_in_words(agreement: float | None) -> str:
    """ρ, the mean cosine between two members in the effect metric."""
    if agreement is None:
        return "too few pairs to compare yet"
    if agreement >= 0.5:
        return "strong agreement"
    if agreement >= 0.25:
        return "good agreement"
    if agreement >= 0.1:
        return "loose agreement"
    return "hardly any agreement"


@register.inclusion_tag("community/_membership.html")
def community_membership(direction: Direction, look: int = 1, pause: int = 1) -> dict[str, Any]:
    """The community direction that this pair became part of, and how it agrees with the others."""
    pair = direction.pair
    series = (
        Series.objects.filter(
            semantic=pair.semantic_id,
            generator=direction.generator_id,
            space=direction.space,
            demonstration=pair.demonstration,
        )
        .select_related("latest", "semantic")
        .first()
    )
    latest = series.latest if series is not None else None
    own = None
    if latest is not None:
        own = next((one for one in latest.members if one["direction"] == str(direction.pk)), None)
    strip = latest.strips.select_related("image").first() if latest is not None else None
    return {
        "semantic": pair.semantic,
        "version": latest if own is not None else None,
        "cosine": own["cosine"] if own is not None else None,
        "strip": strip,
        "pair": pair,
        "looking": own is None and look <= LOOKS,
        "look": look,
        "pause": pause,
    }
