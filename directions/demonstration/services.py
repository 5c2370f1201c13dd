"""The demonstration community: planned at once, contributed in small portions, removed whole.

Its pairs go through the same intake, queue and derivation as a person's, at the lowest priority. It never
touches what real people made, and nobody can sign in as one of its people.
"""

from __future__ import annotations

import structlog
from django.db import transaction

from direction_commons.accounts.models import User
from direction_commons.jobs.models import Job
from direction_commons.jobs.services import job_cancel, job_enqueue
from direction_commons.media.models import StoredImage
from direction_commons.media.services import image_intake
from directions.community.models import Series
from directions.community.services import semantic_forget, series_remove
from directions.demonstration.models import PlannedPair
from directions.demonstration.plan import PEOPLE, planned_pairs, username_of
from directions.pairs.models import Pair
from directions.pairs.services import pair_delete, pair_submit
from directions.semantics.models import Semantic

log = structlog.get_logger(__name__)

KIND = "demonstration"
KEY = "next portion"
PORTION = 4
# After everything that the last portion has queued (its refreshes are 91), so that the queue stays short
# and a change is averaged once a portion.
PRIORITY = Job.Priority.DEMONSTRATION + 2


@transaction.atomic
def demonstration_start() -> int:
    """Write the plan down, unless it is there, and queue the next portion; how many pairs are to come."""
    PlannedPair.objects.bulk_create(planned_pairs(), ignore_conflicts=True)
    left = PlannedPair.objects.filter(pair=None).count()
    if left:
        portion_enqueue()
    return left


def portion_enqueue() -> None:
    job_enqueue(kind=KIND, key=KEY, priority=PRIORITY)


def portion_next() -> list[PlannedPair]:
    return list(PlannedPair.objects.filter(pair=None).order_by("position")[:PORTION])


def planned_contribute(*, plan: PlannedPair) -> Pair | None:
    """Draw one planned pair and contribute it as its person. None: the plan was removed or done meanwhile."""
    # Here and not above: with the renderer deleted, all but the demonstration still works.
    from directions.demonstration.drawing import pair_draw

    before, after = pair_draw(plan)
    with transaction.atomic():
        plan_row = PlannedPair.objects.select_for_update().filter(pk=plan.pk, pair=None).first()
        if plan_row is None:
            return None
        person = _person(plan_row.username)
        pair = pair_submit(
            contributor=person,
            semantic_name=plan_row.semantic_name,
            before=image_intake(owner=person, data=before),
            after=image_intake(owner=person, data=after),
            pictures_public=True,
            demonstration=True,
        )
        plan_row.pair = pair
        plan_row.save(update_fields=["pair"])
    return pair


def demonstration_remove() -> dict[str, int]:
    """Take away its people, pairs, pictures, series, versions, jobs and plan, and nothing else; the counts.

    Safe while workers run (they find their rows gone), and safe to repeat after an interruption.
    """
    with transaction.atomic():
        PlannedPair.objects.all().delete()
        job_cancel(kind=KIND, key=KEY)
    semantics = set(Semantic.objects.filter(created_by__is_demonstration=True).values_list("pk", flat=True))
    made = Series.objects.filter(demonstration=True).order_by("pk")
    gone = {"pairs": 0, "series": made.count(), "people": 0}
    for pair in Pair.objects.filter(demonstration=True).order_by("pk"):
        pair_delete(pair=pair)
        gone["pairs"] += 1
    for series in made.all():  # asked again: those of changes that nobody else names went with their pairs
        series_remove(series=series)
    with transaction.atomic():
        people = User.objects.filter(is_demonstration=True)
        gone["people"] = people.count()
        pictures = StoredImage.objects.filter(owner__is_demonstration=True).count()
        people.delete()  # their jobs and whatever pictures are left go with them
        Job.objects.filter(kind=KIND).delete()
    gone["changes"] = sum(semantic_forget(semantic_id=semantic) for semantic in sorted(semantics))
    log.info("demonstration.removed", stray_pictures=pictures, **gone)
    return gone


def _person(username: str) -> User:
    """The demonstration person of this name; without a password, an address or a way in."""
    first, last = next(name for number, name in enumerate(PEOPLE) if username_of(number) == username)
    person, created = User.objects.get_or_create(
        username=username,
        defaults={
            "email": f"{username}@demonstration.invalid",
            "first_name": first,
            "last_name": last,
            "is_demonstration": True,
            "is_active": False,
        },
    )
    if created:
        person.set_unusable_password()
        person.save(update_fields=["password"])
    if not person.is_demonstration:
        raise ValueError(f"{username} is a real person's name here")
    return person
