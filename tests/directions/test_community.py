"""Community directions: published when members change, immutable, un-published on withdrawal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

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
from directions.community.membership import PLACES, Candidate, membership_of
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
from directions.community.words import UNRELATED_MEAN, UNRELATED_SPREAD, agreement_words, chance
from directions.generators.models import Generator
from directions.pairs.exports import direction_load
from directions.pairs.models import Direction, Pair
from directions.pairs.services import pair_submit, pair_withdraw
from inference.intensities import STRIP
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
        assert strip.intensities == list(STRIP)


def test_one_pair_is_a_version_without_an_agreement(contribute: Contribute, work: Work) -> None:
    contribute()
    work()
    assert (latest().num_members, latest().agreement, latest().resultant) == (1, None, pytest.approx(1.0))
    only = Direction.objects.get()
    assert only.quality["change_kept"] < 1 / 3  # an untrained generator shows next to nothing of it
    assert latest().step == pytest.approx(only.step * 3**0.5)


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
    assert (diff.since, len(diff.added), diff.removed) == (1, 1, [])
    two, one = series_versions(latest().series)
    assert version_diff(two) == diff
    assert (version_diff(one).since, len(version_diff(one).added)) == (None, 1)


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


def test_members_that_cancel_each_other_out_publish_nothing_and_it_is_said(
    contribute: Contribute, work: Work, client: Client, ada: User
) -> None:
    before, after = a_face(3, smile=0.1), a_face(3, smile=0.9)
    contribute(before=before, after=after)
    wrong = contribute(before=after, after=before)
    work()
    assert Direction.objects.filter(state="ready").count() == 2
    # The first alone had made no version: both were derived before anything was averaged.
    series = Series.objects.get()
    assert (series.latest, series.disagreeing) == (None, 2)
    assert not Version.objects.exists()
    one = client.get("/api/v1/catalog/smile/").json()["real"]
    assert (one["series"]["latest"], one["series"]["standing"]["state"]) == (None, "disagreement")
    assert "2 pairs disagree" in one["series"]["standing"]["text"]
    assert "withdraw it" in one["series"]["standing"]["todo"]
    page = client.get("/catalog/smile/").content.decode()
    assert "These pairs disagree" in page
    assert "no version is published" in page
    client.force_login(ada)
    own = client.get(f"/contributions/{wrong.pk}/").content.decode()
    assert "2 pairs disagree" in own
    assert 'aria-label="Averaging"' not in own  # there is nothing to wait for
    pair_withdraw(pair=wrong)
    work()
    series.refresh_from_db()
    assert series.disagreeing == 0
    assert latest().num_members == 1
    assert "disagree" not in client.get("/catalog/smile/").content.decode()


def test_a_version_that_stands_while_newer_pairs_disagree_says_so(
    contribute: Contribute, work: Work, client: Client
) -> None:
    before, after = a_face(3, smile=0.1), a_face(3, smile=0.9)
    contribute(before=before, after=after)
    work()
    wrong = contribute(before=after, after=before)
    work()
    assert latest().number == 1
    standing = client.get("/api/v1/catalog/smile/").json()["real"]["series"]["standing"]
    assert (standing["state"], "Version 1 still stands" in standing["text"]) == ("published", True)
    assert "Version 1 still stands" in client.get("/catalog/smile/").content.decode()
    pair_withdraw(pair=wrong)
    work()
    standing = client.get("/api/v1/catalog/smile/").json()["real"]["series"]["standing"]
    assert standing == {"state": "published", "text": "", "todo": ""}


def test_a_version_whose_files_are_gone_does_not_stand_for_pairs_that_disagree(
    contribute: Contribute, work: Work, client: Client
) -> None:
    before, after = a_face(3, smile=0.1), a_face(3, smile=0.9)
    first = contribute()
    contribute(before=before, after=after)
    work()
    contribute(before=after, after=before)
    pair_withdraw(pair=first)
    work()
    series = Series.objects.get()
    assert (series.latest, series.disagreeing) == (None, 2)
    assert client.get("/api/v1/catalog/").json()["results"] == []
    assert client.get("/catalog/smile/").status_code == 200


def test_the_newest_version_that_still_has_its_files_stands_for_pairs_that_disagree(
    contribute: Contribute, work: Work, client: Client
) -> None:
    before, after = a_face(3, smile=0.1), a_face(3, smile=0.9)
    contribute(before=before, after=after)
    work()
    leaving = contribute()
    work()
    assert latest().number == 2
    contribute(before=after, after=before)
    pair_withdraw(pair=leaving)  # version 2 held it, version 1 did not
    work()
    series = Series.objects.get()
    assert (latest().number, series.disagreeing, Version.objects.count()) == (1, 2, 2)
    standing = client.get("/api/v1/catalog/smile/").json()["real"]["series"]["standing"]
    assert (standing["state"], "Version 1 still stands" in standing["text"]) == ("published", True)
    assert client.get("/api/v1/catalog/").json()["results"] != []


def test_a_strip_says_where_its_pictures_stand(
    contribute: Contribute, work: Work, client: Client, ada: User
) -> None:
    pair = contribute()
    work()
    assert (STRIP[0], STRIP[-1]) == (-1, 1)
    direction = pair.directions.get()
    assert direction.strip_intensities == list(STRIP)
    client.force_login(ada)
    assert client.get(f"/contributions/{pair.pk}/").content.decode().count("<span>+0.5</span>") == 3
    assert client.get("/catalog/smile/").content.decode().count("<span>−0.5</span>") == 4
    Direction.objects.update(strip_intensities=[-2, -1, 0, 1, 2])  # one that was drawn before
    assert client.get(f"/contributions/{pair.pk}/").content.decode().count("<span>+2</span>") == 2


# --- whose pairs count ----------------------------------------------------------------------------


def test_the_same_two_pictures_from_one_person_count_once(
    contribute: Contribute, work: Work, client: Client, ada: User, bob: User
) -> None:
    pictures = {
        "before": a_face(100, background=0.1, skin_tone=0.05, hat=0.0),
        "after": a_face(100, background=0.9, skin_tone=0.95, hat=1.0),
    }
    first, again, other, of_bob = (
        contribute(**pictures),
        contribute(**pictures),
        contribute(),
        contribute(user=bob, **pictures),
    )
    work()
    held = {member["direction"] for member in latest().members}
    assert held == {str(pair.directions.get().pk) for pair in (first, other, of_bob)}
    who = client.get("/api/v1/catalog/smile/").json()["real"]["membership"]
    assert who == {"ready": 4, "counted": 3, "same": 1, "beyond": 0, "places": 2}
    assert "1 is the same pictures once more" in client.get("/catalog/smile/").content.decode()
    client.force_login(ada)
    assert "The same pictures count once" in client.get(f"/contributions/{again.pk}/").content.decode()
    assert "count once" not in client.get(f"/contributions/{first.pk}/").content.decode()
    pair_withdraw(pair=first)  # then the other one stands for these pictures
    work()
    held = {member["direction"] for member in latest().members}
    assert held == {str(pair.directions.get().pk) for pair in (again, other, of_bob)}


def test_one_person_with_many_pairs_does_not_own_a_change(
    contribute: Contribute, work: Work, client: Client, ada: User
) -> None:
    many = [contribute() for _ in range(6)]
    work()
    assert (latest().num_members, latest().num_contributors) == (6, 1)  # nobody else is there to be outvoted
    few = [contribute(user=a_user(name)) for name in ("bea", "cyd", "dan")]
    work()
    held = {member["direction"] for member in latest().members}
    assert held == {str(pair.directions.get().pk) for pair in (*many[-2:], *few)}
    assert latest().num_contributors == 4
    who = client.get("/api/v1/catalog/smile/").json()["real"]["membership"]
    assert who == {"ready": 9, "counted": 5, "same": 0, "beyond": 4, "places": 2}
    assert "4 are beyond the 2 places of one person" in client.get("/catalog/smile/").content.decode()
    client.force_login(ada)
    assert "2 newer pairs of yours count" in client.get(f"/contributions/{many[0].pk}/").content.decode()
    assert "newer pairs of yours" not in client.get(f"/contributions/{many[-1].pk}/").content.decode()


def a_crowd(*pairs_of_each: int) -> list[Candidate]:
    """People with so many pairs each, all of other pictures, in the order of time."""
    start, numbers = datetime(2026, 1, 1, tzinfo=UTC), iter(range(1, 10_000))
    return [
        Candidate(UUID(int=number), UUID(int=person), (f"{number}", "after"), start + timedelta(hours=number))
        for person, pairs in enumerate(pairs_of_each)
        for _ in range(pairs)
        for number in [next(numbers)]
    ]


@pytest.mark.parametrize(
    ("pairs_of_each", "places", "counted"),
    [
        ((50,), 50, 50),  # alone
        ((50, 1), 2, 3),
        ((50, 1, 1, 1), 2, 5),
        ((50, 50, 1, 1, 1), 2, 7),  # two of five cannot raise the middle
        ((5, 5, 5), 5, 15),
        ((20, 4, 3, 3, 1), 3, 13),
        ((1,) * 12, 2, 12),  # a change of the demonstration
        ((), 2, 0),
    ],
)
def test_nobody_has_more_places_than_the_contributor_in_the_middle_has_pairs(
    pairs_of_each: tuple[int, ...], places: int, counted: int
) -> None:
    crowd = a_crowd(*pairs_of_each)
    found = membership_of(crowd)
    assert (found.places, len(found.members)) == (places, counted)
    assert found.ready == sum(pairs_of_each)
    assert membership_of(reversed(crowd)) == found


def test_the_newest_pairs_take_the_places_and_a_copy_is_none_of_them() -> None:
    crowd = a_crowd(4, 1, 1)
    copies = [
        Candidate(UUID(int=500 + number), UUID(int=0), crowd[0].pictures, crowd[-1].contributed_at)
        for number in range(9)
    ]
    found = membership_of([*crowd, *copies])
    assert found.same == {copy.direction for copy in copies}
    assert found.beyond == {crowd[0].direction, crowd[1].direction}
    assert found.members == {one.direction for one in crowd[2:]}


def test_nobody_in_the_demonstration_stands_aside() -> None:
    from directions.demonstration.plan import planned_pairs

    for change in {plan.semantic_name for plan in planned_pairs()}:
        people = [plan.username for plan in planned_pairs() if plan.semantic_name == change]
        assert max(people.count(person) for person in people) <= PLACES


# --- agreement in words ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agreement", "pairs", "words"),
    [
        (None, 2, "too few pairs to compare yet"),
        (0.5, 3, "strong agreement"),
        (0.49, 3, "some agreement"),
        (0.1, 3, "no agreement beyond chance"),
        (0.1, 12, "some agreement"),
        (0.03, 12, "no agreement beyond chance"),
        (-0.2, 4, "no agreement beyond chance"),
    ],
)
def test_agreement_has_a_word_that_depends_on_how_many_pairs_there_are(
    agreement: float | None, pairs: int, words: str
) -> None:
    assert agreement_words(agreement, pairs) == words


def test_the_line_of_chance_is_where_unrelated_pairs_of_the_embedded_bundle_end() -> None:
    """The benchmark behind the words' numbers, on the bundle that is shipped and half as many people."""
    from benchmarks.agreement import pairs_of, series_agreement
    from inference import Bundle

    pairs = pairs_of(Bundle.load("portraits"), people=2)
    assert len(pairs.different) > 1000
    assert pairs.different.mean() == pytest.approx(UNRELATED_MEAN, abs=0.01)
    assert pairs.different.std() == pytest.approx(UNRELATED_SPREAD, rel=0.2)
    for size in (3, 6, 12):
        reached = np.percentile(series_agreement(pairs, size, draws=20_000), 99)
        assert reached == pytest.approx(chance(size), abs=0.02)
    assert pairs.same.mean() > 0.8  # what agrees is far beyond the line


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
    from directions.pairs.derivation import directions_rederive

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

    olga = a_user("olga")  # a name that no hexadecimal id can hold by chance
    contribute(user=olga)
    pair = contribute(user=olga)
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
    assert "olga" not in str(detail)
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
