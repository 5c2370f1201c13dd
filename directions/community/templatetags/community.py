"""What pages of lower rooms show of the community: a template may stand above the room whose page it is."""

from __future__ import annotations

from typing import Any

from django import template

from directions.community.models import Version
from directions.community.selectors import direction_membership
from directions.community.words import agreement_words, chance, points_elsewhere
from directions.pairs.models import Direction

register = template.Library()
LOOKS = 60  # then the page stops looking by itself


@register.filter
def agreement_in_words(version: Version) -> str:
    return agreement_words(version.agreement, version.num_members)


@register.filter
def agreement_by_chance(version: Version) -> float | None:
    """The ρ up to which so many unrelated pairs agree as well; None where no ρ is told."""
    return None if version.agreement is None else chance(version.num_members)


@register.inclusion_tag("community/_membership.html")
def community_membership(direction: Direction, look: int = 1, pause: int = 1) -> dict[str, Any]:
    """The community direction that this pair became part of, and how it agrees with the others."""
    place = direction_membership(direction)
    version = place.version
    cosines = [float(member["cosine"]) for member in version.members] if version is not None else []
    return {
        "pair": direction.pair,
        "semantic": direction.pair.semantic,
        "version": version,
        "elsewhere": place.cosine is not None and points_elsewhere(place.cosine, cosines),
        "strip": version.strips.select_related("image").first() if version is not None else None,
        "aside": place.aside,
        "places": place.places,
        "standing": place.standing,
        "looking": place.awaited and look <= LOOKS,
        "look": look,
        "pause": pause,
    }


@register.inclusion_tag("community/_numbers.html")
def community_numbers(direction: Direction, swap: bool = False) -> dict[str, Any]:
    """What the community's part rests on, for the details; `swap` brings them up to date in a page."""
    place = direction_membership(direction)
    return {"version": place.version, "cosine": place.cosine, "swap": swap}
