"""Reads on community directions: series, versions, their vectors, and what changed between two versions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db.models import Prefetch, QuerySet

from direction_commons.errors import UserError
from directions.community.models import Series, Version, VersionStrip
from directions.generators.models import Generator
from directions.inversions.codes import Codes, codes_sha256, codes_unpack
from directions.pairs.models import Direction
from directions.semantics.models import Semantic
from inference.averaging import CommunityDirection


@dataclass(frozen=True)
class VersionDiff:
    """What changed from `older` (None: the first version) to `newer`; members are opaque ids."""

    newer: Version
    older: Version | None
    added: list[str]
    removed: list[str]


def series_list(
    *, generator: Generator, demonstration: bool | None = None, semantic: Semantic | None = None
) -> QuerySet[Series]:
    """Published series with latest version and strips, newest first. `demonstration` None: both kinds."""
    rows = Series.objects.filter(generator=generator, latest__isnull=False)
    if demonstration is not None:
        rows = rows.filter(demonstration=demonstration)
    if semantic is not None:
        rows = rows.filter(semantic=semantic)
    return (
        rows.select_related("semantic", "generator", "latest__vector")
        .defer("latest__vector__data")
        .prefetch_related(Prefetch("latest__strips", queryset=VersionStrip.objects.select_related("image")))
        .order_by("-latest__published_at", "pk")
    )


def series_members(series: Series) -> QuerySet[Direction]:
    """The directions that count now, in a fixed order."""
    return (
        Direction.objects.filter(
            pair__semantic=series.semantic_id,
            pair__demonstration=series.demonstration,
            pair__withdrawn_at=None,
            generator=series.generator_id,
            space=series.space,
            state=Direction.State.READY,
        )
        .select_related("generator", "before_inversion", "after_inversion", "pair")
        .order_by("pk")
    )


def member_ids(version: Version | None) -> set[str]:
    """The opaque ids of a version's members; none without a version."""
    return {member["direction"] for member in version.members} if version is not None else set()


def series_versions(series: Series) -> QuerySet[Version]:
    """All versions, newest first; `hasattr(version, "vector")` says whether one can still be used."""
    return (
        Version.objects.filter(series=series)
        .select_related("vector", "series__semantic", "series__generator")
        .defer("vector__data")
        .prefetch_related(Prefetch("strips", queryset=VersionStrip.objects.select_related("image")))
        .order_by("-number")
    )


def version_is_published(version: Version) -> bool:
    """Whether its vector is there: it goes when a member is withdrawn."""
    return hasattr(version, "vector")


def version_vector(version: Version) -> Codes:
    """The unit vector float32 [L, D]. Raises UserError 410 when it was un-published."""
    if not version_is_published(version):
        raise UserError(
            "community:vector-withdrawn",
            f"The numbers of version {version.number} are gone: somebody withdrew a pair that it held.",
            "Use the latest version.",
            status=410,
        )
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
    )


def version_diff(newer: Version, older: Version | None = None) -> VersionDiff:
    """Members that came and went since `older`; without one named, since the version before."""
    if older is None:
        older = (
            Version.objects.filter(series=newer.series_id, number__lt=newer.number)
            .order_by("-number")
            .first()
        )
    now, then = member_ids(newer), member_ids(older)
    return VersionDiff(newer=newer, older=older, added=sorted(now - then), removed=sorted(then - now))
