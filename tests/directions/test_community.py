"""Community directions: published when members change, immutable, un-published on withdrawal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.db import InternalError, transaction
from django.test import Client

from direction_commons.accounts.models import User
from direction_commons.accounts.services import account_delete
from direction_commons.errors import UserError
from direction_commons.jobs.models import Job
from direction_commons.media.services import image_intake
from directions.community import handlers
from directions.community.models import Series, Version, VersionStrip, VersionVector
from directions.community.selectors import (
    series_list,
    series_versions,
    version_diff,
    version_direction,
    version_is_published,
    version_vector,
)
from directions.community.services import DEMONSTRATION_REFRESH, series_refresh_request
from directions.generators.models import Generator
from directions.pairs.exports import direction_load
from directions.pairs.models import Direction, Pair
from directions.pairs.services import pair_submit, pair_withdraw
from tests.directions.domain_rows import a_face, a_user

Contribute = Callable[..., Pair]
Work = Callable[[], int]


def latest(change: str = "smile") -> Version:
    version = Series.objects.get(semantic__normalised=change, demonstration=False).latest
    assert version is not None
    return version


def fresh(version: Version) -> Version:
    return Version.objects.select_related("series__generator").get(pk=version.pk)


def test_a_burst_makes_one_version_that_is_the_librarys_average(
    contribute: Contribute, work: Work, bob: User
) -> None:
    from inference import average

    pairs = [contribute(), contribute(), contribute(user=bob), contribute(user=bob)]
    work()
    version = latest()
    members = [
        direction_load(row)
        for row in Direction.objects.select_related(
            "before_inversion", "after_inversion", "generator"
        ).order_by("pk")
    ]
    own = average(members)
    assert Version.objects.count() == 1
    assert (version.number, version.num_members, version.num_contributors) == (1, len(pairs), 2)
    assert version.resultant == pytest.approx(own.R)
    assert version.agreement == pytest.approx(own.rho)
    assert version.step == pytest.approx(own.step)
    np.testing.assert_allclose(version_vector(version), own.vector, atol=1e-6)
    assert [member["cosine"] for member in version.members] == pytest.approx(own.member_cosines, abs=1e-5)
    assert version.bundle_digest == version.series.generator.digest
    strips = list(version.strips.select_related("image"))
    assert len(strips) == 4
    for strip in strips:
        assert (strip.image.width, strip.image.height, strip.image.public) == (5 * 32, 32, True)
        assert strip.image.owner is None
        assert strip.intensities == [-2, -1, 0, 1, 2]


def test_one_pair_is_a_version_without_an_agreement(contribute: Contribute, work: Work) -> None:
    contribute()
    work()
    assert (latest().num_members, latest().agreement, latest().resultant) == (1, None, pytest.approx(1.0))
    assert latest().step == pytest.approx(Direction.objects.get().step)


def test_nothing_is_published_when_nobody_came_or_went(contribute: Contribute, work: Work) -> None:
    contribute()
    work()
    series_refresh_request(series=latest().series)
    work()
    assert Version.objects.count() == 1
    contribute()
    work()
    assert [version.number for version in series_versions(latest().series)] == [2, 1]
    diff = version_diff(latest())
    assert diff.older is not None
    assert (diff.older.number, len(diff.added), diff.removed) == (1, 1, [])
    assert version_diff(diff.older).older is None


def test_a_burst_queues_one_refresh(contribute: Contribute, work: Work) -> None:
    series_refresh_request(series=_series(contribute, work))
    series_refresh_request(series=Series.objects.get())
    queued = Job.objects.filter(kind="refresh", state="queued")
    assert [job.priority for job in queued] == [Job.Priority.REFRESH]


def _series(contribute: Contribute, work: Work) -> Series:
    contribute()
    work()
    return Series.objects.get()


def test_a_version_cannot_be_changed_even_by_hand(contribute: Contribute, work: Work) -> None:
    contribute()
    work()
    with pytest.raises(InternalError, match="Cannot update"), transaction.atomic():
        Version.objects.update(step=0.5)
    version = latest()
    version.resultant = 0.1
    with pytest.raises(InternalError), transaction.atomic():
        version.save()


def test_withdrawal_unpublishes_every_version_that_held_it_and_makes_the_next_one(
    contribute: Contribute, work: Work, django_capture_on_commit_callbacks: Any
) -> None:
    first = contribute()
    work()
    second = contribute()
    work()
    contribute()
    work()
    one, two, three = Version.objects.order_by("number")
    gone = str(second.directions.get().pk)
    files = [strip.image.path for strip in VersionStrip.objects.filter(version__in=[two, three])]
    with django_capture_on_commit_callbacks(execute=True):
        pair_withdraw(pair=second)
        # At once, before any worker has looked:
        assert {row.version_id for row in VersionVector.objects.all()} == {one.pk}
        with pytest.raises(UserError) as refusal:
            version_vector(fresh(two))
    assert (refusal.value.code, refusal.value.status) == ("community:vector-withdrawn", 410)
    assert not any(default_storage.exists(path) for path in files)
    work()
    four = latest()
    assert (four.number, four.num_members) == (4, 2)
    assert gone not in {member["direction"] for member in four.members}
    assert version_diff(four).removed == [gone]
    assert [version_is_published(row) for row in series_versions(four.series)] == [True, False, False, True]
    numbers = fresh(three)
    assert (numbers.num_members, numbers.resultant) == (3, three.resultant)  # the record stays as it was
    assert first.directions.get().state == Direction.State.READY


def test_when_the_last_one_leaves_there_is_no_latest_version(contribute: Contribute, work: Work) -> None:
    pair = contribute()
    work()
    series = Series.objects.get()
    pair_withdraw(pair=pair)
    work()
    series.refresh_from_db()
    assert series.latest is None
    assert not VersionVector.objects.exists()
    assert not series_list(generator=series.generator).exists()
    contribute()
    work()
    assert latest().number == 2


def test_deleting_an_account_makes_new_versions(
    contribute: Contribute, work: Work, ada: User, bob: User
) -> None:
    contribute()
    contribute(user=bob)
    work()
    old = latest()
    account_delete(user=ada)
    assert not version_is_published(fresh(old))
    work()
    assert (latest().num_members, latest().num_contributors) == (1, 1)


def test_a_member_that_goes_while_the_average_is_made_is_not_published(
    contribute: Contribute, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    contribute()
    leaving = contribute()
    average = handlers._average
    times: list[int] = []

    def and_meanwhile(members: list[Direction]) -> Any:
        found = average(members)
        times.append(len(members))
        if len(times) == 1:
            pair_withdraw(pair=leaving)
        return found

    monkeypatch.setattr(handlers, "_average", and_meanwhile)
    work()
    assert times == [2, 1]
    assert latest().num_members == 1
    assert Version.objects.count() == 1


def test_members_that_cancel_each_other_out_publish_nothing(contribute: Contribute, work: Work) -> None:
    before, after = a_face(3, smile=0.1), a_face(3, smile=0.9)
    contribute(before=before, after=after)
    contribute(before=after, after=before)
    work()
    assert Direction.objects.filter(state="ready").count() == 2
    series = Series.objects.get()
    assert series.latest is None
    assert not Version.objects.exists()


def test_refused_pairs_enter_no_version(contribute: Contribute, work: Work) -> None:
    face = a_face(4)
    contribute(before=face, after=face)
    work()
    assert not Series.objects.exists()
    contribute()
    work()
    assert latest().num_members == 1


def test_real_and_demonstration_are_two_series_and_never_mixed(
    contribute: Contribute, work: Work, tiny: Generator
) -> None:
    crowd = a_user("crowd", is_demonstration=True)
    for seed in (1, 2, 3):
        before, after = (
            image_intake(owner=crowd, data=a_face(9, eye_colour=seed / 9, skin_tone=tone))
            for tone in (0.0, 1.0)
        )
        pair_submit(contributor=crowd, semantic_name="smile", before=before, after=after, demonstration=True)
    contribute()
    work()
    real, shown = Series.objects.order_by("demonstration")
    assert (real.demonstration, shown.demonstration) == (False, True)
    assert real.latest is not None
    assert shown.latest is not None
    assert (real.latest.num_members, shown.latest.num_members) == (1, 3)
    assert not {m["direction"] for m in real.latest.members} & {m["direction"] for m in shown.latest.members}
    assert list(series_list(generator=tiny, demonstration=True)) == [shown]
    assert list(series_list(generator=tiny, demonstration=False)) == [real]
    series_refresh_request(series=shown)
    assert Job.objects.get(state="queued").priority == DEMONSTRATION_REFRESH > Job.Priority.DEMONSTRATION


def test_each_generator_has_versions_of_its_own(
    contribute: Contribute, work: Work, register: Callable[..., Generator], tiny_folders: list[Path]
) -> None:
    contribute()
    contribute()
    other = register(tiny_folders[1])
    from directions.pairs.services import directions_rederive

    directions_rederive(generator=other)
    work()
    versions = [series.latest for series in Series.objects.select_related("latest", "generator")]
    assert len(versions) == 2
    for series in Series.objects.select_related("latest", "generator"):
        assert series.latest is not None
        assert series.latest.bundle_digest == series.generator.digest
        assert series.latest.num_members == 2


def test_a_vector_that_was_tampered_with_is_not_handed_out(contribute: Contribute, work: Work) -> None:
    contribute()
    work()
    row = VersionVector.objects.get()
    VersionVector.objects.update(data=b"\0" * len(bytes(row.data)))
    with pytest.raises(ValueError, match="digest"):
        version_vector(fresh(latest()))


def test_the_api_shows_and_hands_out_versions(
    contribute: Contribute, work: Work, client: Client, tmp_path: Path
) -> None:
    from inference import CommunityDirection

    contribute()
    pair = contribute()
    work()
    version = latest()
    (row,) = client.get("/api/v1/community/").json()["results"]
    assert (row["slug"], row["demonstration"], row["latest"]["number"]) == ("smile", False, 1)
    assert client.get(row["latest"]["strips"][0]["image"]).status_code == 200
    assert client.get("/api/v1/community/?demonstration=true").json()["count"] == 0
    assert client.get("/api/v1/community/?change=smile").json()["count"] == 1
    assert client.get("/api/v1/community/?demonstration=maybe").json()["error"]["code"] == "request:truth"
    assert client.get(f"/api/v1/community/{row['id']}/versions/").json()["count"] == 1
    address = f"/api/v1/community/versions/{version.pk}"
    detail = client.get(f"{address}/").json()
    assert (len(detail["members"]), detail["published"], detail["diff"]["since"]) == (2, True, None)
    assert "ada" not in str(detail)
    for format in ("safetensors", "npz"):
        path = tmp_path / f"v.{format}"
        path.write_bytes(client.get(f"{address}.{format}").content)
        loaded = CommunityDirection.load(path)
        np.testing.assert_array_equal(loaded.vector, version_direction(fresh(version)).vector)
        assert loaded.n == 2
    vector = client.get(f"{address}.json").json()["vector"]
    np.testing.assert_allclose(np.array(vector), version_vector(fresh(version)), atol=1e-6)
    assert client.get(f"{address}.pickle").status_code == 404
    assert client.get("/api/v1/community/versions/0/").status_code == 404
    pair_withdraw(pair=pair)
    for format in ("safetensors", "json"):
        gone = client.get(f"{address}.{format}")
        assert (gone.status_code, gone.json()["error"]["code"]) == (410, "community:vector-withdrawn")
    assert client.get(f"{address}/").json()["published"] is False


def test_a_list_of_series_costs_a_constant_number_of_queries(
    contribute: Contribute, work: Work, client: Client, django_assert_num_queries: Any
) -> None:
    for change in ("smile", "hat", "beard"):
        contribute(change)
    work()
    with django_assert_num_queries(4):  # the generator, the count, the series, their strips
        assert client.get("/api/v1/community/").json()["count"] == 3
