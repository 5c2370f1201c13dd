"""Reads on changes: suggestions while typing, and search that forgives typos.

A change is listed while something stands behind its name. What that is, rooms above say (`register_use`); a
name whose last pair was withdrawn is found by nobody.
"""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.postgres.fields import ArrayField
from django.db.models import CharField, Exists, F, FloatField, Func, Q, QuerySet, Value
from django.db.models.functions import Greatest

from directions.semantics.models import Semantic
from directions.semantics.naming import MAX_LENGTH, name_normalise, name_trigrams

SIMILAR = 0.15  # share of trigrams in common: "smlie" ~ "smile" .20, "smiling" .40, "glases" ~ "glasses" .67

_uses: dict[str, Callable[[], Exists]] = {}
_keepers: dict[str, Callable[[], Exists]] = {}


def register_use(room: str, condition: Callable[[], Exists]) -> None:
    """`condition()` is true of a change (`OuterRef("pk")`) that the room has something for."""
    _uses[room] = condition


def register_keeper(room: str, condition: Callable[[], Exists]) -> None:
    """`condition()` is true of a change (`OuterRef("pk")`) that the room needs: it must not be forgotten."""
    _keepers[room] = condition


def semantic_is_kept(semantic: Semantic) -> bool:
    """Whether a room beside the pairs still needs this name."""
    kept = Q(pk__in=[])
    for condition in _keepers.values():
        kept |= Q(condition())
    return Semantic.objects.filter(kept, pk=semantic.pk).exists()


def semantics_listed() -> QuerySet[Semantic]:
    """The changes that anything stands behind, by name."""
    used = Q()
    for condition in _uses.values():
        used |= Q(condition())
    return Semantic.objects.filter(used).order_by("normalised")


class SharedTrigrams(Func):
    """How many trigrams two lists have in common. It names no table, so it may stand in a subquery."""

    template = "(SELECT count(*)::float8 FROM unnest(%(expressions)s))"
    arg_joiner = ") AS piece WHERE piece = ANY("
    output_field = FloatField()


def semantics_like(text: str) -> QuerySet[Semantic]:
    """Changes whose name resembles `text`, each with its `similarity` 0..1 (Jaccard of trigrams), best first.

    Every word that `text` begins also counts, so that "gla" finds "glasses".
    """
    normalised = name_normalise(text[:MAX_LENGTH])
    pieces = name_trigrams(normalised)
    wanted = Value(pieces, output_field=ArrayField(CharField(max_length=3)))
    shared = SharedTrigrams(F("trigrams"), wanted)
    both = (
        Func(F("trigrams"), function="cardinality", output_field=FloatField()) + float(len(pieces)) - shared
    )
    return (
        # The array operator narrows by index, for each kind of hit: a word's beginning is a trigram, too.
        semantics_listed()
        .filter(trigrams__overlap=pieces)
        .annotate(similarity=shared / Greatest(1.0, both))
        .filter(
            Q(similarity__gte=SIMILAR)
            | Q(normalised__startswith=normalised)
            | Q(normalised__contains=f" {normalised}")
        )
        .order_by("-similarity", "normalised")
    )


def semantic_suggest(text: str, limit: int = 8) -> list[Semantic]:
    """What the person may mean while typing: names that begin so first, then those that resemble it."""
    normalised = name_normalise(text[:MAX_LENGTH])
    if not normalised:
        return []
    found = list(semantics_like(normalised)[: 4 * limit])
    found.sort(
        key=lambda semantic: not semantic.normalised.startswith(normalised)
    )  # stable: similarity stays
    return found[:limit]
