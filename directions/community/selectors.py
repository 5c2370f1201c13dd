"""Reads on community directions: series and how they stand, versions, their vectors, and what changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from django.db.models import Exists, F, OuterRef, Prefetch, QuerySet, Window
from django.db.models.functions import Lag

from direction_commons.errors import UserError
from direction_commons.jobs.models import Job
from directions.community.membership import Candidate, Membership, membership_of, ready_directions
from directions.community.models import Series, Version, VersionStrip, VersionVector
from directions.community.services import KIND
from directions.generators.models import Generator
from directions.inversions.codes import Codes, codes_sha256, codes_unpack
from directions.pairs.derivation import UNFINISHED
from directions.pairs.models import Direction, Pair
from directions.semantics.models import Semantic
from inference.averaging import CommunityDirection


@dataclass(frozen=True)
class VersionDiff:
    """What changed since version `since` (None: this is the first); members are opaque ids."""

    since: int | None
    added: list[str]
    removed: list[str]


@dataclass(frozen=True)
class Member:
    """One pair in a version, by an opaque id: nobody can tell from it whose it is."""

    direction: str
    weight: float
    cosine: float


@dataclass(frozen=True)
class Standing:
    """How a series stands. `text` and `todo` are sentences for people, empty where nothing is to be said.

    Attributes:
        state: "published": its newest version is for use. "disagreement": its pairs have no direction in
            common, and no version is for use. "waiting": its first version, or the next after a withdrawal,
            is still to come.
    """

    state: Literal["published", "disagreement", "waiting"]
    text: str = ""
    todo: str = ""


@dataclass(frozen=True)
class Place:
    """Where a ready direction stands in the community; at most one of `version`, `aside`, `standing` is told.

    Attributes:
        version, cosine: the published version that it is part of, and its cosine to the others' average.
        aside: why it is to become part of none: the "same" pictures once more, or "beyond" the person's
            `places`.
        standing: of the series, when its pairs agree on no direction.
    """

    version: Version | None = None
    cosine: float | None = None
    aside: Literal["", "same", "beyond"] = ""
    places: int = 0
    standing: Standing | None = None

    @property
    def awaited(self) -> bool:
        """Whether a version with it is still to come."""
        return self.version is None and not self.aside and self.standing is None


def has_pairs() -> Exists:
    """Of a change: that somebody's pair bears its name, and was not withdrawn."""
    return Exists(Pair.objects.filter(semantic=OuterRef("pk"), withdrawn_at=None))


def has_version() -> Exists:
    """Of a change: that one of its versions can be used."""
    return Exists(VersionVector.objects.filter(version__series__semantic=OuterRef("pk")))


def series_list(
    *, generator: Generator, demonstration: bool | None = None, semantic: Semantic | None = None
) -> QuerySet[Series]:
    """Published series with latest version and strips, newest first. `demonstration` None: both kinds."""
    rows = Series.objects.filter(generator=generator, latest__isnull=False)
    if demonstration is not None:
        rows = rows.filter(demonstration=demonstration)
    if semantic is not None:
        rows = rows.filter(semantic=semantic)
    return series_loaded(rows).order_by("-latest__published_at", "pk")


def series_loaded(rows: QuerySet[Series]) -> QuerySet[Series]:
    """With all that a series is shown by: one query more, for the strips of them all."""
    return (
        rows.select_related("semantic", "generator", "latest__vector")
        .defer("latest__vector__data", "latest__members")
        .prefetch_related(Prefetch("latest__strips", queryset=VersionStrip.objects.select_related("image")))
    )


def series_standing(series: Series) -> Standing:
    """From what `series_loaded` has loaded: no query."""
    pairs, latest = series.disagreeing, series.latest
    advice = (
        "The before shows less of the change and the after more: if you contributed a pair the wrong way "
        "round, or under a wrong name, withdraw it on its page. Further pairs help, too."
    )
    if latest is None and pairs:
        return Standing(
            "disagreement",
            f"Its {pairs} pairs disagree: what they change has no direction in common, so no version is "
            "published.",
            advice,
        )
    if latest is None:
        return Standing("waiting")
    if pairs and version_is_published(latest):
        return Standing(
            "published",
            f"Version {latest.number} still stands: the {pairs} pairs that there are now disagree, so that "
            "none was published since.",
            advice,
        )
    if not version_is_published(latest):
        return Standing(
            "waiting",
            f"The files of version {latest.number} are deleted: somebody withdrew a pair that it held. The "
            "next version is being averaged without it.",
            "Look again in a minute.",
        )
    return Standing("published")


def direction_membership(direction: Direction) -> Place:
    """What the community made of this ready direction."""
    series = (
        Series.objects.filter(
            semantic=direction.pair.semantic_id,
            generator=direction.generator_id,
            space=direction.space,
            demonstration=direction.pair.demonstration,
        )
        .select_related("latest__vector", "semantic")
        .first()
    )
    if series is None:
        return Place()
    latest = series.latest
    if latest is not None and version_is_published(latest):
        for member in latest.members:
            if member["direction"] == str(direction.pk):
                return Place(version=latest, cosine=float(member["cosine"]))
    membership = series_membership(series)
    if direction.pk in membership.same:
        return Place(aside="same", places=membership.places)
    if direction.pk in membership.beyond:
        return Place(aside="beyond", places=membership.places)
    if series.disagreeing and not series_is_averaged(series):
        return Place(standing=series_standing(series), places=membership.places)
    return Place(places=membership.places)


def series_is_averaged(series: Series) -> bool:
    """Whether it is being averaged anew, or waits for it."""
    return Job.objects.filter(
        kind=KIND, key=str(series.pk), state__in=[Job.State.QUEUED, Job.State.RUNNING]
    ).exists()


def series_membership(series: Series) -> Membership:
    """Which of the ready directions count now, and which stand aside."""
    rows = ready_directions(series).values_list(
        "pk", "pair__contributor", "pair__before__sha256", "pair__after__sha256", "pair__created_at"
    )
    return membership_of(
        Candidate(pk, contributor, (before, after), contributed_at)
        for pk, contributor, before, after, contributed_at in rows
    )


def series_members(series: Series) -> QuerySet[Direction]:
    """The directions that count now, in a fixed order."""
    return (
        ready_directions(series)
        .filter(pk__in=series_membership(series).members)
        .select_related("generator", "before_inversion", "after_inversion", "pair")
        .order_by("pk")
    )


def pairs_at_work(*, semantic: Semantic, generator: Generator) -> int:
    """How many people's pairs of this change are still on their way to a direction on this generator."""
    return Direction.objects.filter(
        pair__semantic=semantic, pair__demonstration=False, generator=generator, state__in=UNFINISHED
    ).count()


def version_members(version: Version) -> list[Member]:
    """The nearest to the average first."""
    members = [
        Member(str(one["direction"]), float(one["weight"]), float(one["cosine"])) for one in version.members
    ]
    return sorted(members, key=lambda member: -member.cosine)


def member_ids(version: Version | None) -> set[str]:
    """The opaque ids of a version's members; none without a version."""
    return {member["direction"] for member in version.members} if version is not None else set()


def series_versions(series: Series) -> QuerySet[Version]:
    """All versions, newest first, each with the number and members of the one before: see `version_diff`."""
    return (
        Version.objects.filter(series=series)
        .select_related("vector", "series__semantic", "series__generator")
        .defer("vector__data")
        .prefetch_related(Prefetch("strips", queryset=VersionStrip.objects.select_related("image")))
        .annotate(
            number_before=Window(Lag("number"), order_by=F("number").asc()),
            members_before=Window(Lag("members"), order_by=F("number").asc()),
        )
        .order_by("-number")
    )


def version_is_published(version: Version) -> bool:
    """Whether its vector is there: it goes when a member is withdrawn."""
    return hasattr(version, "vector")


def version_require_published(version: Version) -> None:
    """Raises UserError "community:vector-withdrawn" (410) when its vector is gone, for good."""
    if not version_is_published(version):
        raise UserError(
            "community:vector-withdrawn",
            f"Version {version.number} of “{version.series.semantic.name}” is gone: somebody withdrew a pair "
            "that it held.",
            "Use the newest version of this change.",
            status=410,
        )


def version_vector(version: Version) -> Codes:
    """The unit vector float32 [L, D]. Raises what `version_require_published` does."""
    version_require_published(version)
    if codes_sha256(version.vector.data) != version.vector_digest:
        raise ValueError(f"the vector of version {version.pk} does not have the digest that was published")
    return codes_unpack(version.vector.data, version.vector.shape)


def version_direction(version: Version) -> CommunityDirection:
    """The library's CommunityDirection of a published version, for edits and downloads."""
    return CommunityDirection(
        vector=version_vector(version),
        step=version.step,
        R=version.resultant,
        rho=version.agreement,
        n=version.num_members,
        digest=version.bundle_digest,
        space=version.space,
        metric_weights=np.asarray(version.series.generator.metric_weights, dtype=np.float32),
        method=version.method,
        member_cosines=tuple(float(member["cosine"]) for member in version.members),
        member_shares=tuple(float(member["weight"]) for member in version.members),
    )


def version_diff(version: Version) -> VersionDiff:
    """Members that came and went since the version before; no query for one of `series_versions`."""
    if hasattr(version, "number_before") and hasattr(version, "members_before"):
        since, members = version.number_before, version.members_before
    else:
        older = Version.objects.filter(series=version.series_id, number__lt=version.number)
        since, members = older.order_by("-number").values_list("number", "members").first() or (None, None)
    now = {str(member["direction"]) for member in version.members}
    then = {str(member["direction"]) for member in members or []}
    return VersionDiff(since=since, added=sorted(now - then), removed=sorted(then - now))
