"""How far the demonstration community has come."""

from __future__ import annotations

from django.db.models import Count, Q

from directions.demonstration.models import PlannedPair


def demo_progress() -> tuple[int, int]:
    """(pairs with a finished direction, pairs planned); (0, 0) when there is no demonstration."""
    counts = PlannedPair.objects.aggregate(
        total=Count("pk", distinct=True),
        done=Count("pk", distinct=True, filter=Q(pair__directions__finished_at__isnull=False)),
    )
    return counts["done"], counts["total"]
