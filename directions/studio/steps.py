"""The steps of an edit: which directions, how far. Parsing and the permission to use each one.

A step that came from outside is only `Step`; `steps_resolve` is the one gate that turns it into a
`ResolvedStep`, after asking whether this person may use that direction on this generator. Nothing here
touches a picture or a code.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from direction_commons.accounts.models import User
from direction_commons.errors import NotFound, UserError
from directions.community.models import Version
from directions.community.selectors import version_require_published
from directions.discover.models import Component
from directions.discover.selectors import component_digest, named_by_ids
from directions.generators.models import Generator
from directions.inversions.codes import codes_sha256
from directions.pairs.models import Direction

Kind = Literal["community", "pair", "component"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MAX_STEPS = 20
MAX_INTENSITY = 3.0
# How far a slider goes. One step is about as much of a change as its pairs show, strong ones counting more.
# Looked at on Drawn Portraits, faces stay faces to about one and a half and dissolve beyond. Who asks for
# more over the API gets it, up to MAX_INTENSITY.
# studio.css draws the marks of one step a sixth from each end.
SLIDER_REACH = 1.5


@dataclass(frozen=True)
class Step:
    """One slider: `id` is a version's number in the database, or a direction's or component's uuid."""

    kind: Kind
    id: str
    intensity: float


@dataclass(frozen=True)
class ResolvedStep:
    """A step that this person may take, with what names its vector for good."""

    kind: Kind
    id: str
    intensity: float
    change: str
    version: int | None
    vector_sha256: str
    step: float
    digest: str


def steps_parse(raw: Any) -> list[Step]:
    """Read steps as they come in JSON; UserError "studio:steps" says which one is wrong and why."""
    if not isinstance(raw, list):
        raise _refused(f"steps came as {type(raw).__name__}, a list was wanted")
    if len(raw) > MAX_STEPS:
        raise _refused(f"{len(raw)} steps came, at most {MAX_STEPS} are drawn at once")
    steps = [_step(number, item) for number, item in enumerate(raw, 1)]
    if len({(step.kind, step.id) for step in steps}) != len(steps):
        raise _refused("one direction came twice; give its intensities as one step")
    return steps


def _step(number: int, item: Any) -> Step:
    if not isinstance(item, dict) or not {"kind", "id", "intensity"} <= item.keys():
        raise _refused(f'step {number} is not {{"kind", "id", "intensity"}}')
    kind, key, intensity = item["kind"], str(item["id"]), item["intensity"]
    if kind == "community":
        if not (key.isascii() and key.isdecimal() and len(key) < 19):
            raise _refused(f"step {number} names the version {key[:40]!r}; a whole number was wanted")
        key = str(int(key))  # as it is looked up: 012 is 12
    elif kind in ("pair", "component"):
        try:
            key = str(uuid.UUID(key))
        except ValueError as error:
            what = "direction" if kind == "pair" else "component"
            raise _refused(f"step {number} names the {what} {key[:40]!r}; a UUID was wanted") from error
    else:
        raise _refused(
            f"step {number} is of kind {str(kind)[:40]!r}; 'community', 'pair' or 'component' was wanted"
        )
    odd = isinstance(intensity, bool) or not isinstance(intensity, int | float)
    if odd or (isinstance(intensity, float) and not math.isfinite(intensity)):
        raise _refused(f"step {number} has the intensity {str(intensity)[:40]!r}; a number was wanted")
    if abs(intensity) > MAX_INTENSITY:  # whole numbers that no float can hold, too
        raise _refused(
            f"step {number} has the intensity {str(intensity)[:40]}; "
            f"at most {MAX_INTENSITY:g} either way was wanted"
        )
    return Step(kind=kind, id=key, intensity=float(intensity))


def steps_resolve(*, user: User | None, generator: Generator, steps: Sequence[Step]) -> list[ResolvedStep]:
    """The steps with their vectors' names, in at most three queries.

    Raises:
        NotFound: absent, of another generator, or another person's.
        UserError: "community:vector-withdrawn" (410), "studio:direction-not-ready" (409).
    """
    versions = {
        str(version.pk): version
        for version in Version.objects.filter(
            pk__in=[int(step.id) for step in steps if step.kind == "community"], series__generator=generator
        )
        .select_related("series__semantic", "vector")
        .defer("vector__data", "members")
    }
    directions = (
        {
            str(direction.pk): direction
            for direction in Direction.objects.filter(
                pk__in=[step.id for step in steps if step.kind == "pair"],
                generator=generator,
                pair__contributor=user,
                pair__withdrawn_at=None,
            ).select_related("pair__semantic")
        }
        if user is not None
        else {}
    )
    wanted = [step.id for step in steps if step.kind == "component"]
    components = named_by_ids(generator=generator, ids=wanted) if wanted else {}

    def resolved(step: Step) -> ResolvedStep:
        if step.kind == "community":
            return _community(step, versions.get(step.id))
        if step.kind == "pair":
            return _own(step, directions.get(step.id))
        return _component(step, components.get(step.id))

    return [resolved(step) for step in steps]


def _community(step: Step, version: Version | None) -> ResolvedStep:
    if version is None:
        raise NotFound("version")
    version_require_published(version)
    return ResolvedStep(
        kind="community",
        id=step.id,
        intensity=step.intensity,
        change=version.series.semantic.name,
        version=version.number,
        vector_sha256=version.vector_digest,  # the worker asks the bytes themselves
        step=version.step,
        digest=version.bundle_digest,
    )


def _own(step: Step, direction: Direction | None) -> ResolvedStep:
    if direction is None:
        raise NotFound("direction")
    if direction.state != Direction.State.READY or direction.vector is None or direction.step is None:
        raise UserError(
            "studio:direction-not-ready",
            f"Your pair “{direction.pair.semantic.name}” has no direction: its state is “{direction.state}”.",
            "Look at the contribution's page, and use it once it is ready.",
            status=409,
        )
    return ResolvedStep(
        kind="pair",
        id=step.id,
        intensity=step.intensity,
        change=direction.pair.semantic.name,
        version=None,
        vector_sha256=codes_sha256(direction.vector),
        step=direction.step,
        digest=direction.digest,
    )


def _component(step: Step, component: Component | None) -> ResolvedStep:
    """Only what people agree on a name for is a slider; its vector is turned so that + shows the change."""
    if component is None or component.semantic is None:
        raise NotFound("component")
    return ResolvedStep(
        kind="component",
        id=step.id,
        intensity=step.intensity,
        change=component.semantic.name,
        version=None,
        vector_sha256=component_digest(component),
        step=component.step,
        digest=component.bundle_digest,
    )


def _refused(sentence: str) -> UserError:
    return UserError(
        "studio:steps",
        f"{sentence[0].upper()}{sentence[1:]}.",
        'Send {"steps": [{"kind": "community", "id": …, "intensity": 1.0}]}; the sliders list names the ids.',
    )
