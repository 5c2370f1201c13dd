"""Writes on components: asking for them, keeping what a finder found, and what people say of it.

An opinion never touches a vector, a pair or a version: it only moves the component between open, named and
set aside. The rule is in `verdict` and is the same for everybody, whoever was first.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from direction_commons.accounts.models import User
from direction_commons.accounts.quotas import person_lock
from direction_commons.errors import NotFound, UserError
from direction_commons.jobs.models import Job
from direction_commons.jobs.services import job_enqueue
from direction_commons.media.services import Written, image_keep
from directions.community.services import semantic_forget
from directions.discover.models import Component, ComponentStrip, Opinion
from directions.generators.models import Generator
from directions.inversions.codes import codes_pack, codes_sha256
from directions.semantics.services import semantic_get_or_create

if TYPE_CHECKING:
    from inference.finders.component import Component as LibraryComponent

log = structlog.get_logger(__name__)

FIND, DRAW = "discover", "discover-strips"
FINDERS = ("ganspace", "sefa")  # those that need no label
INTENSITIES = (-2.0, -1.0, 0.0, 1.0, 2.0)  # standard deviations: most faces of a generator lie within two
ENDS = {"+": 1, "-": -1}
# Everybody's pairs and the demonstration's come first: nobody waits for these pictures.
PRIORITY = Job.Priority.DEMONSTRATION + 5


def components_request(*, generator: Generator, count: int | None = None) -> int:
    """Queue the search for the first `count` components of each finder, and strips that are lacking.

    Answers how many jobs that are. Harmless to repeat: what was found and drawn is left alone. Without
    `count` it is `DISCOVER_COMPONENTS`, or as many as the generator has dimensions.

    Raises:
        UserError: "generators:inactive", "discover:count".
    """
    wanted = min(settings.DISCOVER_COMPONENTS, generator.code_dim) if count is None else count
    if not generator.is_active:
        raise UserError(
            "generators:inactive", f"{generator.title} is not in use.", "Register its bundle again."
        )
    if not 0 <= wanted <= generator.code_dim:
        raise UserError("discover:count", f"{wanted} components came; 0 to {generator.code_dim} were wanted.")
    with transaction.atomic():
        there = Component.objects.filter(generator=generator, finder__in=FINDERS, index__lt=wanted)
        lacking = there.count() < wanted * len(FINDERS)
        if lacking:
            key = f"{generator.pk}:{wanted}"
            job_enqueue(kind=FIND, key=key, group=str(generator.pk), priority=PRIORITY)
        rows = Component.objects.filter(generator=generator, drawn_at=None)
        rows.exclude(failed="").update(failed="")  # they wait again
        undrawn = list(rows.only("pk"))
        for component in undrawn:
            strips_request(component=component, generator=generator)
    return lacking + len(undrawn)


def strips_request(*, component: Component, generator: Generator) -> None:
    """Queue the pictures of one component."""
    job_enqueue(kind=DRAW, key=str(component.pk), group=str(generator.pk), priority=PRIORITY)


def components_keep(*, generator: Generator, found: Sequence[LibraryComponent]) -> int:
    """Keep what a finder found and queue its pictures; how many are new. Called in the job's transaction.

    What is there already, of the same finder, settings and index, stays as it is, with its opinions.
    """
    new = 0
    for one in found:
        if one.digest != generator.digest or one.seed is None:
            raise ValueError(f"a component of {one.digest[:12]}, seed {one.seed}, for {generator.slug}")
        data, shape = codes_pack(one.vector)
        component, created = Component.objects.get_or_create(
            generator=generator,
            finder=one.finder,
            index=one.index,
            run=run_name(finder=one.finder, options=one.options, samples=one.samples, seed=one.seed),
            defaults={
                "options": one.options,
                "samples": one.samples,
                "seed": one.seed,
                "explained": one.explained,
                "step": one.step,
                "space": one.space,
                "bundle_digest": one.digest,
                "vector": data,
                "shape": shape,
                "vector_digest": codes_sha256(data),
            },
        )
        if created:
            new += 1
            strips_request(component=component, generator=generator)
    return new


def run_name(*, finder: str, options: dict[str, Any], samples: int, seed: int) -> str:
    """The same for runs whose components agree one by one: how many were asked for does not count."""
    settled = {name: value for name, value in options.items() if name != "components"}
    text = json.dumps([finder, settled, samples, seed], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def strips_keep(*, component: Component, strips: Sequence[Written]) -> None:
    """Keep a component's pictures, one a face; from now on it is shown. Called in the job's transaction."""
    for face, strip in enumerate(strips):
        image = image_keep(written=strip)
        ComponentStrip.objects.create(
            component=component, face=face, intensities=list(INTENSITIES), image=image
        )
    component.drawn_at, component.failed = timezone.now(), ""
    component.save(update_fields=["drawn_at", "failed"])


@dataclass(frozen=True)
class Verdict:
    """What the opinions on one component come to."""

    state: str
    semantic_id: int | None
    end: int | None
    num_agreeing: int
    num_names: int
    num_rejections: int


def verdict(opinions: Iterable[tuple[int | None, int | None]]) -> Verdict:
    """Of (semantic, end) of each person, (None, None) for "nothing one could name".

    Named, or rejected, is what at least `DISCOVER_AGREEING` people say and more say than say anything else:
    the same word for the other end is another name. Until then it stays open.
    """
    votes = Counter(opinions)
    total = sum(votes.values())
    rejections = votes.pop((None, None), 0)
    (semantic, end), agreeing = votes.most_common(1)[0] if votes else ((None, None), 0)
    numbers = (agreeing, total - rejections, rejections)
    if _carried(agreeing, total):
        return Verdict(Component.State.NAMED, semantic, end, *numbers)
    state = Component.State.REJECTED if _carried(rejections, total) else Component.State.OPEN
    return Verdict(state, None, None, *numbers)


def _carried(votes: int, total: int) -> bool:
    return votes >= settings.DISCOVER_AGREEING and votes > total - votes


def opinion_name(*, person: User, component: Component, change: str, end: str) -> Opinion:
    """The person says that one end shows this change; it takes the place of what they said before.

    Raises:
        UserError: "discover:end", and what a name is refused for ("semantics:…").
    """
    if end not in ENDS:
        raise UserError(
            "discover:end",
            f"The end {end[:20]!r} came; '+' or '-' was wanted.",
            "Say which end of the strip shows more of the change.",
        )
    with transaction.atomic():
        person_lock(user=person)
        semantic = semantic_get_or_create(name=change, user=person)
        return _opinion_keep(person=person, component=component, semantic_id=semantic.pk, end=ENDS[end])


def opinion_reject(*, person: User, component: Component) -> Opinion:
    """The person sees nothing that one could name; it takes the place of what they said before."""
    with transaction.atomic():
        person_lock(user=person)
        return _opinion_keep(person=person, component=component, semantic_id=None, end=None)


def opinion_withdraw(*, person: User, component: Component) -> None:
    """Raises NotFound ("opinion") when the person said nothing of it."""
    with transaction.atomic():
        person_lock(user=person)
        component = _locked(component)
        opinion = Opinion.objects.filter(component=component, person=person).first()
        if opinion is None:
            raise NotFound("opinion")
        opinion.delete()
        component_count(component=component)


def opinions_erase(*, user: User) -> None:
    """All that a person said goes with their account, and what it had named is counted anew."""
    components = Component.objects.select_for_update(of=("self",)).filter(opinions__person=user)
    for component in components.order_by("pk"):
        Opinion.objects.filter(component=component, person=user).delete()
        component_count(component=component)


def component_count(*, component: Component) -> None:
    """Count the opinions; called with the component locked."""
    found = verdict(component.opinions.order_by("said_at", "pk").values_list("semantic", "end"))
    was = component.state
    component.state, component.semantic_id, component.end = found.state, found.semantic_id, found.end
    component.num_agreeing, component.num_names = found.num_agreeing, found.num_names
    component.num_rejections = found.num_rejections
    component.save(update_fields=["state", "semantic", "end", "num_agreeing", "num_names", "num_rejections"])
    if was != component.state:
        log.info("discover.state", component=str(component.pk), was=was, now=component.state)


def _opinion_keep(*, person: User, component: Component, semantic_id: int | None, end: int | None) -> Opinion:
    component = _locked(component)
    opinion = Opinion.objects.filter(component=component, person=person).first()
    before = opinion.semantic_id if opinion is not None else None
    opinion = opinion or Opinion(component=component, person=person)
    opinion.semantic_id, opinion.end = semantic_id, end
    opinion.full_clean(exclude=["component", "person", "semantic"])
    opinion.save()
    component_count(component=component)
    if before is not None and before != semantic_id:
        name_forget_later(semantic_id=before)
    return opinion


def _locked(component: Component) -> Component:
    row = Component.objects.select_for_update(of=("self",)).filter(pk=component.pk).first()
    if row is None:
        raise NotFound("component")
    return row


def name_forget_later(*, semantic_id: int) -> None:
    """A name must not outlive what it was for; after the commit, as for pairs (`community.receivers`)."""
    transaction.on_commit(partial(semantic_forget, semantic_id=semantic_id), robust=True)
