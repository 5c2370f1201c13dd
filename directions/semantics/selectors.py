"""Reads on changes: suggestions while typing, and search that forgives typos."""

from __future__ import annotations

from django.db.models import FloatField, QuerySet
from django.db.models.expressions import RawSQL

from directions.semantics.models import Semantic
from directions.semantics.naming import MAX_LENGTH, name_normalise, name_trigrams

SIMILAR = 0.22  # share of trigrams in common; "smilling" ~ "smile" .38, "glases" ~ "glasses" .67

# The array operator narrows by index; the count then ranks. Both lists hold each trigram once.
_SIMILARITY = """
(SELECT count(*) FROM unnest("semantics_semantic"."trigrams") AS t WHERE t = ANY(%s::varchar[]))::float8
/ GREATEST(1, cardinality("semantics_semantic"."trigrams") + %s
  - (SELECT count(*) FROM unnest("semantics_semantic"."trigrams") AS t WHERE t = ANY(%s::varchar[])))
"""


def semantics_like(text: str) -> QuerySet[Semantic]:
    """Changes whose name resembles `text`, each with its `similarity` 0..1 (Jaccard of trigrams), best first.

    Every word that `text` begins also counts, so that "gla" finds "glasses".
    """
    normalised = name_normalise(text[:MAX_LENGTH])
    pieces = name_trigrams(normalised)
    similarity = RawSQL(_SIMILARITY, (pieces, len(pieces), pieces), output_field=FloatField())
    alike = (
        Semantic.objects.annotate(similarity=similarity)
        .filter(trigrams__overlap=pieces, similarity__gte=SIMILAR)
        .values("pk")
    )
    starting = Semantic.objects.filter(normalised__startswith=normalised).values("pk")
    inside = Semantic.objects.filter(
        trigrams__contains=[piece for piece in pieces if not piece.endswith(" ")],
        normalised__contains=f" {normalised}",
    ).values("pk")
    return (
        Semantic.objects.filter(pk__in=starting.union(inside, alike))
        .annotate(similarity=similarity)
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


def semantic_by_slug(slug: str) -> Semantic | None:
    return Semantic.objects.filter(slug=slug).first()
