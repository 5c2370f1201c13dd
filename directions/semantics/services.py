"""Writes on changes. A change is made by being named; nothing here renames, merges or judges names."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from direction_commons.accounts.models import User
from directions.semantics.models import Semantic
from directions.semantics.naming import name_clean, name_normalise, name_trigrams, slug_candidates


@transaction.atomic
def semantic_get_or_create(*, name: str, user: User | None) -> Semantic:
    """The change of this name, made if nobody has named it before. Safe when many name it at once.

    It is locked until the caller's transaction ends, so that nobody forgets it before a pair bears it
    (`community.services.semantic_forget`).

    Raises UserError for a name that is too short, too long or holds odd characters.
    """
    shown = name_clean(name)
    normalised = name_normalise(shown)
    for slug in slug_candidates(normalised):
        found = _locked(normalised).first()
        if found is not None:
            return found
        # ON CONFLICT DO NOTHING: a rival with the same name wins silently, one with only the same slug
        # sends us to the next candidate.
        Semantic.objects.bulk_create(
            [
                Semantic(
                    name=shown,
                    normalised=normalised,
                    slug=slug,
                    trigrams=name_trigrams(normalised),
                    created_by=user,
                )
            ],
            ignore_conflicts=True,
        )
    return _locked(normalised).get()


def _locked(normalised: str) -> QuerySet[Semantic]:
    """Not its key: what points at it need not wait."""
    return Semantic.objects.select_for_update(no_key=True).filter(normalised=normalised)
