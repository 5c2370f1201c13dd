"""What pages of lower rooms show of the community: a template may stand above the room whose page it is."""

from __future__ import annotations

from typing import Any

from django import template

from directions.community.models import Series, Version
from directions.community.selectors import (
    series_is_averaged,
    series_membership,
    series_standing,
    version_is_published,
)
from directions.community.words import agreement_words, chance
from directions.pairs.models import Direction

register = template.Library()
LOOKS = 60  # then the page stops looking by itself


@register.filter
def agreement_in_words(version: Version) -> str:
    """ "strong agreement (ρ = 0.61)": the word, and the number that it stands for."""
    words = agreement_words(version.agreement, version.num_members)
    return words if version.agreement is None else f"{words} (ρ = {version.agreement:.2f})".replace("-", "−")


@register.filter
def agreement_by_chance(version: Version) -> float | None:
    """The ρ up to which so many unrelated pairs agree as well; None where no ρ is told."""
    return None if version.agreement is None else chance(version.num_members)


@register.inclusion_tag("community/_membership.html")
def community_membership(direction: Direction, look: int = 1, pause: int = 1) -> dict[str, Any]:
    """The community direction that this pair became part of, and how it agrees with the others.

    `aside`: why it is to become part of none: the "same" pictures once more, or "beyond" the person's places.
    """
    pair = direction.pair
    series = (
        Series.objects.filter(
            semantic=pair.semantic_id,
            generator=direction.generator_id,
            space=direction.space,
            demonstration=pair.demonstration,
        )
        .select_related("latest__vector", "semantic")
        .first()
    )
    latest = series.latest if series is not None else None
    own = None
    if latest is not None and version_is_published(latest):
        own = next((one for one in latest.members if one["direction"] == str(direction.pk)), None)
    places, aside, standing = 0, "", None
    if series is not None and own is None:
        membership = series_membership(series)
        places = membership.places
        if direction.pk in membership.same:
            aside = "same"
        elif direction.pk in membership.beyond:
            aside = "beyond"
        elif series.disagreeing and not series_is_averaged(series):
            standing = series_standing(series)
    return {
        "semantic": pair.semantic,
        "version": latest if own is not None else None,
        "cosine": own["cosine"] if own is not None else None,
        "strip": latest.strips.select_related("image").first() if own is not None and latest else None,
        "pair": pair,
        "aside": aside,
        "places": places,
        "standing": standing,
        "looking": own is None and not aside and standing is None and look <= LOOKS,
        "look": look,
        "pause": pause,
    }
