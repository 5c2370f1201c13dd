"""The demonstration community: through a person's path, last in line, gone with one command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from io import BytesIO, StringIO
from typing import Any

import numpy as np
import pytest
from django.contrib.auth import authenticate
from django.core.files.storage import default_storage
from django.core.management import call_command
from PIL import Image

from direction_commons.accounts.models import User
from direction_commons.jobs.models import Job
from direction_commons.media.models import StoredImage
from directions.community.models import Series, Version
from directions.demonstration import plan as plan_module
from directions.demonstration import services
from directions.demonstration.drawing import pair_draw
from directions.demonstration.models import PlannedPair
from directions.demonstration.plan import CHANGES, PEOPLE, planned_pairs
from directions.demonstration.selectors import demo_progress
from directions.demonstration.services import PORTION, demonstration_remove, demonstration_start
from directions.generators.models import Generator
from directions.pairs.models import Direction, Pair
from directions.semantics.models import Semantic
from inference.portraits import ATTRIBUTES
from tests.directions.conftest import without_torch

Contribute = Callable[..., Pair]
Work = Callable[[], int]
Flaw = PlannedPair.Flaw


def test_the_plan_is_large_enough_and_flawed_as_people_are() -> None:
    plans = planned_pairs()
    counts = Counter(plan.semantic_name for plan in plans)
    assert len(counts) >= 8
    assert min(counts.values()) >= 12
    flaws = Counter(plan.flaw for plan in plans)
    assert flaws[Flaw.PASTE_UP] >= 8
    assert 2 <= flaws[Flaw.MISLABELLED] <= 6
    assert len({plan.scene["seed"] for plan in plans}) == len(plans)
    assert [plan.position for plan in plans] == list(range(len(plans)))
    for change in counts:
        people = [plan.username for plan in plans if plan.semantic_name == change]
        assert len(set(people)) == len(people) <= len(PEOPLE)
    again = [(plan.position, plan.scene) for plan in planned_pairs()]
    assert again == [(plan.position, plan.scene) for plan in plans]


def test_attributes_are_left_for_real_people() -> None:
    used = {change.attribute for change in CHANGES}
    left = {attribute.name for attribute in ATTRIBUTES} - used
    assert {"earrings", "brow_raise", "moustache", "nose_size"} <= left


def test_a_mislabelled_pair_shows_something_else() -> None:
    attribute = {change.name: change.attribute for change in CHANGES}
    for plan in planned_pairs():
        shown = plan.scene["attribute"]
        assert (shown != attribute[plan.semantic_name]) == (plan.flaw == Flaw.MISLABELLED)


def pixels(png: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(BytesIO(png))).astype(int)


def test_paste_ups_change_one_place_only_and_differ_from_the_drawn_picture() -> None:
    hard, feathered = 0, 0
    for plan in planned_pairs():
        if plan.flaw != Flaw.PASTE_UP:
            continue
        before, after = (pixels(data) for data in pair_draw(plan))
        changed = np.abs(after - before).max(axis=2) > 0
        assert 0.01 < changed.mean() < 0.75
        plan.flaw = Flaw.NONE
        drawn = pixels(pair_draw(plan)[1])
        assert np.abs(drawn - after).mean() > 1
        hard, feathered = hard + (plan.scene["feather"] == 0), feathered + (plan.scene["feather"] > 0)
    assert hard
    assert feathered


@pytest.fixture
def small_plan(monkeypatch: pytest.MonkeyPatch) -> int:
    """Two changes with three pairs each; how many pairs that makes."""
    few = [plan for plan in planned_pairs() if plan.semantic_name in ("smile", "glasses")]
    kept = [plan for name in ("smile", "glasses") for plan in few if plan.semantic_name == name][:24]
    kept = kept[:3] + kept[12:15]
    monkeypatch.setattr(services, "planned_pairs", lambda: kept)
    return len(kept)


def test_it_fills_in_through_the_same_path(tiny: Generator, small_plan: int, work: Work) -> None:
    out = StringIO()
    call_command("demo_start", stdout=out)
    assert f"{small_plan} demonstration pairs" in out.getvalue()
    assert demo_progress() == (0, small_plan)
    assert not Pair.objects.exists()  # the command only plans
    work()
    assert demo_progress() == (small_plan, small_plan)
    assert Pair.objects.filter(demonstration=True).count() == small_plan
    assert Direction.objects.filter(state="ready").count() == small_plan
    assert set(Series.objects.values_list("demonstration", flat=True)) == {True}
    assert not Job.objects.filter(state="queued").exists()
    for pair in Pair.objects.select_related("contributor"):
        assert pair.contributor.is_demonstration
        assert pair.contributor.first_name
        assert StoredImage.objects.filter(owner=pair.contributor).exists()
    for version in Version.objects.select_related("series"):
        for member in version.members:
            assert Direction.objects.get(pk=member["direction"]).pair.demonstration
    call_command("demo_start", stdout=out)
    assert "It is complete." in out.getvalue()
    assert work() == 0
    assert Pair.objects.count() == small_plan


def test_starting_again_half_way_contributes_nothing_twice(
    tiny: Generator, small_plan: int, work: Work
) -> None:
    demonstration_start()
    first = services.portion_next()
    assert len(first) == PORTION
    for plan in first:
        services.planned_contribute(plan=plan)
    assert services.planned_contribute(plan=first[0]) is None
    assert demonstration_start() == small_plan - PORTION
    work()
    assert Pair.objects.count() == small_plan


def test_refreshes_are_few(tiny: Generator, small_plan: int, work: Work) -> None:
    """One for a change and portion, not one for a pair."""
    demonstration_start()
    work()
    portions = -(-small_plan // PORTION)
    assert Job.objects.filter(kind="refresh").count() <= 2 * portions


def test_a_persons_pair_waits_for_one_batch_at_most(
    tiny: Generator, small_plan: int, contribute: Contribute
) -> None:
    from direction_commons.jobs.handling import _handlers
    from direction_commons.jobs.services import jobs_claim

    demonstration_start()
    for plan in services.portion_next():
        services.planned_contribute(plan=plan)
    batches = {kind: one.batch for kind, one in _handlers.items()}
    running = jobs_claim(queue="batch", batches=batches)
    assert {claim.kind for claim in running} == {"inversion"}
    assert len(running) <= 4
    pair = contribute()
    claimed = jobs_claim(queue="batch", batches=batches)
    assert {claim.owner_id for claim in claimed} == {pair.contributor_id}
    assert len(claimed) == 2


def test_nobody_can_sign_in_as_one_of_them(tiny: Generator, small_plan: int, work: Work) -> None:
    demonstration_start()
    services.planned_contribute(plan=services.portion_next()[0])
    person = User.objects.get(is_demonstration=True)
    assert not person.has_usable_password()
    assert person.email.endswith(".invalid")
    assert authenticate(username=person.username, password="") is None


def test_removing_it_takes_all_of_it_and_nothing_else(
    tiny: Generator,
    small_plan: int,
    work: Work,
    contribute: Contribute,
    django_capture_on_commit_callbacks: Any,
) -> None:
    mine = contribute("smile")
    work()

    def census() -> dict[str, Any]:
        return {
            "people": set(User.objects.values_list("pk", flat=True)),
            "pairs": set(Pair.objects.values_list("pk", flat=True)),
            "pictures": set(StoredImage.objects.values_list("pk", flat=True)),
            "changes": set(Semantic.objects.values_list("name", flat=True)),
            "series": set(Series.objects.values_list("pk", flat=True)),
            "versions": set(Version.objects.values_list("pk", flat=True)),
            "jobs": set(Job.objects.values_list("pk", flat=True)),
        }

    before = census()
    demonstration_start()
    work()
    paths = {image.path for image in StoredImage.objects.exclude(pk__in=before["pictures"])}
    assert paths
    out = StringIO()
    with django_capture_on_commit_callbacks(execute=True):
        call_command("demo_remove", stdout=out)
    assert f"{small_plan} pairs" in out.getvalue()
    assert census() == before
    assert not any(default_storage.exists(path) for path in paths)
    assert not PlannedPair.objects.exists()
    assert demo_progress() == (0, 0)
    assert work() == 0
    assert mine.directions.get().state == "ready"
    assert sum(demonstration_remove().values()) == 0


def test_removing_it_while_it_fills_in(
    tiny: Generator, small_plan: int, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    import inference

    demonstration_start()
    invert = inference.invert

    def and_meanwhile(*args: Any, **kwargs: Any) -> Any:
        result = invert(*args, **kwargs)
        demonstration_remove()
        return result

    monkeypatch.setattr(inference, "invert", and_meanwhile)
    work()
    assert not User.objects.filter(is_demonstration=True).exists()
    assert not Pair.objects.exists()
    assert not StoredImage.objects.exists()
    assert not Semantic.objects.exists()


def test_a_change_that_a_person_uses_too_stays(
    tiny: Generator, small_plan: int, work: Work, contribute: Contribute
) -> None:
    demonstration_start()
    work()
    contribute("glasses")
    demonstration_remove()
    assert list(Semantic.objects.values_list("name", flat=True)) == ["glasses"]


def test_a_real_person_of_the_same_name_is_not_taken_over(tiny: Generator, small_plan: int) -> None:
    demonstration_start()
    plan = services.portion_next()[0]
    User.objects.create_user(username=plan.username, email="real@example.org", password="x")
    with pytest.raises(ValueError, match="real person"):
        services.planned_contribute(plan=plan)


def test_the_commands_load_no_torch() -> None:
    without_torch(
        "import directions.demonstration.management.commands.demo_start\n"
        "import directions.demonstration.management.commands.demo_remove\n"
        "import directions.pairs.management.commands.derive\n"
        "import directions.pairs.api, directions.community.api, directions.demonstration.handlers"
    )


def test_names_are_plausible_and_the_plan_fits_the_columns() -> None:
    assert plan_module.username_of(0) == "demo-ada-lindqvist"
    for plan in planned_pairs():
        plan.clean_fields(exclude=["pair"])
