"""Contributions: a pair becomes one direction a generator, is refused with words, and can be taken back."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.apps import apps
from django.conf import LazySettings
from django.contrib.auth.models import AnonymousUser
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import RestrictedError
from django.test import Client

from direction_commons.accounts.models import User
from direction_commons.accounts.services import account_delete, account_export
from direction_commons.errors import NotFound, UserError
from direction_commons.jobs.models import Job
from direction_commons.media.access import access_image
from direction_commons.media.models import StoredImage
from direction_commons.media.services import image_intake, image_read
from directions.generators.models import Generator
from directions.inversions.codes import codes_unpack
from directions.inversions.models import Inversion
from directions.inversions.selectors import inversion_codes
from directions.inversions.services import inversion_request, picture_erase
from directions.pairs import handlers
from directions.pairs import services as pair_services
from directions.pairs.access import access_pair
from directions.pairs.derivation import direction_advance, directions_rederive
from directions.pairs.exports import direction_load, file_bytes
from directions.pairs.models import Direction, Pair
from directions.pairs.selectors import direction_of, directions_of, pair_progress, pair_state, pairs_of
from directions.pairs.services import (
    pair_cancel,
    pair_delete,
    pair_retry,
    pair_show,
    pair_submit,
    pair_withdraw,
)
from directions.pairs.signals import pair_derived
from directions.semantics.models import Semantic
from tests.directions.domain_rows import a_face, a_user

Contribute = Callable[..., Pair]
Work = Callable[[], int]
Headers = Callable[[User], dict[str, str]]


def of(pair: Pair) -> Direction:
    direction = direction_of(pair)
    assert direction is not None
    return direction


def test_a_pair_becomes_a_direction_that_the_library_would_find(contribute: Contribute, work: Work) -> None:
    pair = contribute()
    assert pair_progress(pair).state == "queued"
    work()
    progress = pair_progress(pair)
    direction = of(pair)
    assert (progress.state, progress.fraction, progress.final) == ("ready", 1.0, True)
    before, after = inversion_codes(direction.before_inversion), inversion_codes(direction.after_inversion)
    difference = (after - before).astype(np.float64)
    assert direction.step == pytest.approx(np.linalg.norm(difference), rel=1e-5)
    assert direction.vector is not None
    vector = codes_unpack(direction.vector, direction.shape)
    np.testing.assert_allclose(vector, difference / np.linalg.norm(difference), atol=1e-5)
    assert direction.digest == direction.generator.digest
    assert direction.quality["movement_over_null"] > 1
    for strip in (direction.strip, direction.sample_strip):
        assert strip is not None
        assert (strip.width, strip.height) == (5 * 32, 32)
        assert strip.owner == pair.contributor
        assert not strip.public


def test_a_stored_direction_saves_as_the_librarys_file(
    contribute: Contribute, work: Work, tmp_path: Path
) -> None:
    from inference import Direction as LibraryDirection

    direction = _ready(contribute, work)
    for format in ("safetensors", "npz"):
        path = tmp_path / f"d.{format}"
        path.write_bytes(file_bytes(direction_load(direction), format))
        loaded = LibraryDirection.load(path)
        assert loaded.digest == direction.digest
        assert loaded.step == pytest.approx(direction.step)
        np.testing.assert_array_equal(loaded.before_codes, inversion_codes(direction.before_inversion))


def _ready(contribute: Contribute, work: Work) -> Direction:
    pair = contribute()
    work()
    return of(pair)


def test_the_database_refuses_a_second_direction_of_a_pair_on_a_generator(
    contribute: Contribute, work: Work
) -> None:
    direction = _ready(contribute, work)
    with pytest.raises(IntegrityError), transaction.atomic():
        Direction.objects.create(
            pair=direction.pair,
            generator=direction.generator,
            before_inversion=direction.before_inversion,
            after_inversion=direction.after_inversion,
        )


def test_strips_drawn_before_strips_said_where_are_labelled_in_portions_and_once(
    contribute: Contribute, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelling = import_module("directions.pairs.migrations.0003_strip_labels")
    monkeypatch.setattr(labelling, "PORTION", 1)
    assert not labelling.Migration.atomic
    first, second, new = (contribute() for _ in range(3))
    work()
    Direction.objects.filter(pair__in=[first, second]).update(strip_intensities=[])
    here = of(new).strip_intensities
    with connection.schema_editor(atomic=False) as editor:
        for _ in range(2):
            labelling.label(apps, editor)
    assert [of(pair).strip_intensities for pair in (first, second)] == [[-2, -1, 0, 1, 2]] * 2
    assert of(new).strip_intensities == here != [-2, -1, 0, 1, 2]


def test_a_caveat_stands_once_on_a_pairs_page(
    contribute: Contribute, work: Work, client: Client, ada: User
) -> None:
    direction = _ready(contribute, work)
    direction.quality |= {"change_kept": 0.1, "movement_over_null": 1.5}
    direction.save(update_fields=["quality"])
    client.force_login(ada)
    page = client.get(f"/contributions/{direction.pair_id}/").content.decode()
    assert page.count("shows only a trace of your change") == 1
    assert page.count("stronger after helps") == 1
    assert len(pair_progress(direction.pair).notes) == 2  # what the API says, in sentences


# --- refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "thresholds", "word"),
    [
        ("same-picture", {"null_floor": 1e6}, "check that you did not choose one file twice"),
        ("unrelated-pictures", {"unrelated": 1e-3}, "with one thing changed"),
        ("out-of-domain", {"out_of_domain": 1e-3}, "what this generator was trained on"),
    ],
)
def test_a_refused_pair_says_why_and_what_to_do_and_gives_nothing_to_use(
    contribute: Contribute,
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
    verdict: str,
    thresholds: dict[str, float],
    word: str,
) -> None:
    """Here the bundle's thresholds are moved; test_verdicts asks the trained bundle with its own."""
    from directions.inversions.runtime import bundle_for

    pair = contribute(before=a_face(5, background=0.1), after=a_face(6, background=0.9))
    generator = of(pair).generator
    bundle = bundle_for(generator)
    for name, value in thresholds.items():
        monkeypatch.setitem(bundle.thresholds, name, value)
    generator.thresholds |= thresholds
    generator.save()
    heard: list[Direction] = []

    def listen(*, direction: Direction, **_: Any) -> None:
        heard.append(direction)

    pair_derived.connect(listen)
    work()
    pair_derived.disconnect(listen)
    direction, progress = of(pair), pair_progress(pair)
    assert (direction.state, direction.verdict, progress.state) == ("refused", verdict, "refused")
    assert progress.text.startswith(direction.quality["reason"])  # what was found, by who found it
    assert word in progress.text
    assert direction.vector is None
    assert direction.quality["verdict"] == verdict
    assert not heard
    assert not directions_of(pair.contributor, generator).exists()
    with pytest.raises(UserError) as again:
        pair_retry(pair=pair)
    assert again.value.status == 409


def test_the_same_file_twice_is_one_inversion_and_is_refused(contribute: Contribute, work: Work) -> None:
    face = a_face(5)
    pair = contribute(before=face, after=face)
    assert Inversion.objects.count() == 1
    work()
    assert of(pair).verdict == "same-picture"
    assert of(pair).step == 0.0


@pytest.mark.parametrize("name", ["", "x", "smile 😀", "y" * 80])
def test_an_odd_name_is_refused_and_nothing_is_kept(contribute: Contribute, name: str) -> None:
    with pytest.raises(UserError) as refusal:
        contribute(name)
    assert refusal.value.code.startswith("semantics:")
    assert not Pair.objects.exists()
    assert not StoredImage.objects.exists()
    assert not Job.objects.exists()


def test_a_file_that_is_no_picture_says_which_of_the_two(contribute: Contribute) -> None:
    with pytest.raises(UserError) as refusal:
        contribute(after=b"not a picture")
    assert refusal.value.message.startswith("The after picture:")
    assert refusal.value.code.startswith("media:")
    assert not StoredImage.objects.exists()


def test_what_is_refused_leaves_no_file_that_no_quota_counts(contribute: Contribute, ada: User) -> None:
    kept = contribute("kept")
    assert kept.before is not None
    root = Path(default_storage.location)  # type: ignore[attr-defined]
    files = {path for path in root.rglob("*") if path.is_file()}
    with pytest.raises(UserError):
        contribute(after=b"not a picture")
    with pytest.raises(UserError):  # a picture that something else holds stays
        contribute(before=image_read(kept.before), after=b"not a picture")
    with transaction.atomic(), pytest.raises(UserError):  # as under an idempotency key
        contribute(after=b"not a picture")
    assert {path for path in root.rglob("*") if path.is_file()} == files


def test_beyond_the_quota_no_picture_is_decoded(
    contribute: Contribute, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.QUOTA_PAIRS_A_DAY = 0
    monkeypatch.setattr(pair_services, "image_intake", lambda **_: pytest.fail("decoded"))
    with pytest.raises(UserError) as refusal:
        contribute()
    assert refusal.value.code == "accounts:quota"


@pytest.mark.django_db(transaction=True)
def test_the_same_form_sent_twice_at_once_is_one_pair(tiny: Generator, ada: User) -> None:
    client = Client()
    client.force_login(ada)
    pictures = a_face(5, hat=0.0), a_face(5, hat=1.0)

    def send(_: int) -> int:
        try:
            twin = Client()
            twin.cookies = client.cookies
            before, after = (SimpleUploadedFile("a.png", data) for data in pictures)
            sent = {"change": "hat", "before": before, "after": after}
            return twin.post("/contribute/", sent, headers={"Accept": "application/json"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, range(4))) == [200] * 4
    assert Pair.objects.count() == 1


def test_the_days_quota_counts_what_was_deleted_and_not_what_was_refused(
    tiny: Generator, ada: User, client: Client, headers: Headers, settings: LazySettings
) -> None:
    settings.QUOTA_PAIRS_A_DAY = 2
    mine = headers(ada)
    for seed in (1, 2):
        no_picture = body(after=SimpleUploadedFile("a.png", b"text", "image/png"))
        assert client.post("/api/v1/pairs/", no_picture, headers=mine).status_code == 415
        sent = client.post("/api/v1/pairs/", body(seed=seed), headers=mine)
        assert client.delete(f"/api/v1/pairs/{sent.json()['id']}/", headers=mine).status_code == 204
    assert not Pair.objects.exists()
    refused = client.post("/api/v1/pairs/", body(seed=3), headers=mine)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "accounts:quota")
    assert int(refused["Retry-After"]) > 0
    assert "2 pairs today" in refused.json()["error"]["message"]
    assert not StoredImage.objects.exists()


def test_trying_again_is_a_pair_of_the_day(contribute: Contribute, settings: LazySettings) -> None:
    settings.QUOTA_PAIRS_A_DAY = 2
    pair = contribute()
    for _ in range(1):
        pair_cancel(pair=pair)
        pair_retry(pair=pair)
    pair_cancel(pair=pair)
    with pytest.raises(UserError) as refusal:
        pair_retry(pair=pair)
    assert (refusal.value.code, refusal.value.status) == ("accounts:quota", 429)
    client = Client()
    client.force_login(pair.contributor)
    answer = client.post(f"/contributions/{pair.pk}/retry/", follow=True)
    assert "2 pairs today" in answer.content.decode()
    assert not Job.objects.filter(state="queued").exists()


def test_pictures_of_others_make_no_pair(tiny: Generator, ada: User, bob: User) -> None:
    mine, theirs = (image_intake(owner=user, data=a_face(1)) for user in (ada, bob))
    with pytest.raises(UserError) as refusal:
        pair_submit(contributor=ada, semantic_name="smile", before=mine, after=theirs)
    assert refusal.value.code == "pairs:picture"
    with pytest.raises(ValueError, match="demonstration"):
        pair_submit(contributor=ada, semantic_name="smile", before=mine, after=mine, demonstration=True)


def test_an_inversion_that_gives_up_fails_the_pair_and_retry_brings_it_back(
    contribute: Contribute, work: Work
) -> None:
    pair = contribute()
    assert pair.after is not None
    kept = default_storage.open(pair.after.path).read()
    default_storage.delete(pair.after.path)
    work()
    progress = pair_progress(pair)
    assert (progress.state, progress.can_retry) == ("failed", True)
    assert "Upload it again" in progress.text
    default_storage.save(pair.after.path, SimpleUploadedFile("x", kept))
    pair_retry(pair=pair)
    assert not pair_progress(pair).final
    work()
    assert pair_progress(pair).state == "ready"


def test_a_derivation_that_crashes_three_times_fails_with_a_reference(
    contribute: Contribute, work: Work, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    settings.JOB_RETRY_SECONDS = 0
    pair = contribute()

    def crash(*_: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(handlers, "_find", crash)
    work()
    progress = pair_progress(pair)
    assert progress.state == "failed"
    assert "Reference" in progress.text
    assert "a bug" not in progress.text
    monkeypatch.undo()
    pair_retry(pair=pair)
    work()
    assert pair_progress(pair).state == "ready"


def test_codes_of_another_bundle_are_not_derived_from(
    contribute: Contribute, work: Work, settings: Any
) -> None:
    settings.JOB_RETRY_SECONDS = 0
    direction = _ready(contribute, work)
    Inversion.objects.filter(pk=direction.after_inversion_id).update(digest="0" * 64)
    Direction.objects.update(state=Direction.State.WAITING, vector=None)
    direction_advance(inversion=direction.before_inversion)
    work()
    direction.refresh_from_db()
    assert direction.state == Direction.State.FAILED
    assert direction.vector is None


# --- progress ---------------------------------------------------------------------------------------


def test_progress_in_words_and_numbers(contribute: Contribute) -> None:
    contribute()
    pair = contribute()
    assert pair_progress(pair).text == "1 of 3: waiting to be inverted; 3 ahead"
    direction = of(pair)
    before, after = (
        Job.objects.get(kind="inversion", key=str(inversion.pk))
        for inversion in (direction.before_inversion, direction.after_inversion)
    )
    Job.objects.filter(pk__in=[before.pk, after.pk]).update(state="running", progress=0.5)
    progress = pair_progress(pair)
    assert (progress.state, progress.stage) == ("inverting", 1)
    assert progress.text == "1 and 2 of 3: inverting both pictures, step 15 of 30"
    assert progress.fraction == pytest.approx(0.45)
    Inversion.objects.filter(pk=direction.before_inversion_id).update(state="ready")
    Job.objects.filter(pk=before.pk).update(state="done")
    Job.objects.filter(pk=after.pk).update(progress=0.4)
    progress = pair_progress(pair)
    assert progress.text == "2 of 3: inverting the after picture, step 12 of 30"
    assert progress.fraction == pytest.approx(0.45 + 0.45 * 0.4)
    Inversion.objects.update(state="ready")
    direction_advance(inversion=direction.before_inversion)
    assert pair_progress(pair).text.startswith("3 of 3: both pictures are inverted; the direction is next")
    Job.objects.filter(kind="derive").update(state="running")
    assert pair_progress(pair).text == "3 of 3: finding the direction and drawing its strips"
    assert pair_progress(pair).fraction < 1


def test_a_time_is_told_once_it_has_been_measured(contribute: Contribute, work: Work) -> None:
    contribute()
    work()
    pair = contribute()
    progress = pair_progress(pair)
    assert progress.seconds is not None
    assert "about" in progress.text


def test_a_persons_pair_goes_before_the_demonstration(contribute: Contribute, tiny: Generator) -> None:
    crowd = a_user("crowd", is_demonstration=True)
    before, after = (image_intake(owner=crowd, data=a_face(seed)) for seed in (1, 2))
    pair_submit(contributor=crowd, semantic_name="hat", before=before, after=after, demonstration=True)
    pair = contribute()
    assert pair_progress(pair).ahead == 1  # only its own other picture
    own = Job.objects.filter(owner=pair.contributor).values_list("priority", flat=True)
    assert set(own) == {Job.Priority.PERSON}
    assert set(Job.objects.filter(owner=crowd).values_list("priority", flat=True)) == {90}


# --- taking it back ---------------------------------------------------------------------------------


def test_cancel_stops_the_work_and_retry_resumes_it(contribute: Contribute, work: Work) -> None:
    pair = contribute()
    pair_cancel(pair=pair)
    assert not Job.objects.filter(state__in=["queued", "running"]).exists()
    assert work() == 0
    pair.refresh_from_db()
    assert (pair_progress(pair).state, pair_progress(pair).can_retry) == ("cancelled", True)
    pair_cancel(pair=pair)  # again: nothing
    pair_retry(pair=pair)
    work()
    pair.refresh_from_db()
    assert pair_progress(pair).state == "ready"
    with pytest.raises(UserError) as late:
        pair_cancel(pair=pair)
    assert late.value.code == "pairs:finished"


def test_cancelling_leaves_the_picture_that_another_pair_waits_for(
    contribute: Contribute, work: Work
) -> None:
    shared = a_face(7)
    first, second = contribute(before=shared), contribute(before=shared)
    pair_cancel(pair=first)
    work()
    assert pair_progress(second).state == "ready"
    first.refresh_from_db()
    assert pair_progress(first).state == "cancelled"


def test_a_worker_whose_pair_was_cancelled_saves_nothing(
    contribute: Contribute, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = contribute()
    found = handlers._find

    def and_meanwhile(*args: Any) -> Any:
        result = found(*args)
        pair_cancel(pair=pair)
        return result

    monkeypatch.setattr(handlers, "_find", and_meanwhile)
    work()
    pair.refresh_from_db()
    direction = of(pair)
    assert (direction.state, direction.vector) == ("cancelled", None)


def test_withdrawing_leaves_no_picture_code_direction_or_file(
    contribute: Contribute, work: Work, django_capture_on_commit_callbacks: Any
) -> None:
    kept = contribute()
    work()
    rest = StoredImage.objects.count()
    pair = contribute(pictures_public=True)
    work()
    direction = of(pair)
    mine = [
        pair.before,
        pair.after,
        direction.strip,
        direction.sample_strip,
        direction.before_inversion.reconstruction,
        direction.after_inversion.reconstruction,
    ]
    files = [image.path for image in mine if image is not None]
    assert len(set(files)) == 6
    with django_capture_on_commit_callbacks(execute=True):
        pair_withdraw(pair=pair)
    pair.refresh_from_db()
    assert (pair.before, pair.after) == (None, None)
    assert pair_progress(pair).state == pair_state(pair) == "withdrawn"
    assert not Direction.objects.filter(pair=pair).exists()
    assert Inversion.objects.count() == 2
    community = StoredImage.objects.filter(owner=None).count()
    assert StoredImage.objects.count() - community <= rest
    assert not any(default_storage.exists(path) for path in files)
    assert pair_progress(kept).state == "ready"
    pair_withdraw(pair=pair)  # again: nothing
    with pytest.raises(UserError):
        pair_retry(pair=pair)


def test_withdrawing_keeps_what_another_pair_shows_and_makes_it_private_again(
    contribute: Contribute, work: Work
) -> None:
    shared = a_face(7)
    first, second = contribute(before=shared, pictures_public=True), contribute(before=shared)
    work()
    pair_withdraw(pair=first)
    second.refresh_from_db()
    assert second.before is not None
    assert not second.before.public
    assert pair_progress(second).state == "ready"
    assert Inversion.objects.count() == 2
    pair_delete(pair=second)
    assert Inversion.objects.count() == 0


def test_withdrawing_while_it_runs(
    contribute: Contribute, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    import inference

    pair = contribute()
    invert = inference.invert

    def and_meanwhile(*args: Any, **kwargs: Any) -> Any:
        result = invert(*args, **kwargs)
        pair_withdraw(pair=pair)
        return result

    monkeypatch.setattr(inference, "invert", and_meanwhile)
    work()
    assert not Inversion.objects.exists()
    assert not Direction.objects.exists()
    assert not StoredImage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_withdrawing_and_contributing_the_same_pictures_swapped_at_once(
    contribute: Contribute, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds one picture and wants the other's, unless both begin with the same lock."""
    first, second = a_face(1, hat=0.0), a_face(1, hat=1.0)
    pair = contribute(before=first, after=second)
    intake, erase = pair_services.image_intake, pair_services.picture_erase
    withdrawing, holding = threading.Event(), threading.Event()

    def one_and_wait(**more: Any) -> StoredImage:
        image = intake(**more)
        if not holding.is_set():
            holding.set()
            withdrawing.wait(1.0)  # not when it waits for us, as it should
        return image

    def erase_and_tell(*, image: StoredImage) -> bool:
        erased = erase(image=image)
        withdrawing.set()
        return erased

    monkeypatch.setattr(pair_services, "image_intake", one_and_wait)
    monkeypatch.setattr(pair_services, "picture_erase", erase_and_tell)
    assert pair.before is not None
    assert pair.after is not None
    last = max(pair.before, pair.after, key=lambda image: image.pk)
    swapped = (
        {"before": first, "after": second} if last == pair.before else {"before": second, "after": first}
    )
    failed = at_once(lambda: contribute(**swapped), lambda: holding.wait(10) and pair_withdraw(pair=pair))
    assert not failed
    assert Pair.objects.filter(withdrawn_at=None).count() == 1
    kept = Pair.objects.get(withdrawn_at=None)
    assert kept.before is not None
    assert image_read(kept.before)


@pytest.mark.django_db(transaction=True)
def test_pairs_of_the_same_pictures_swapped_are_changed_and_withdrawn_at_once(contribute: Contribute) -> None:
    for seed in range(1, 4):
        first, second = a_face(seed, hat=0.0), a_face(seed, hat=1.0)
        one = contribute(before=first, after=second)
        other = contribute("hat", before=second, after=first)
        failed = at_once(
            lambda one=one: pair_show(pair=one, pictures_public=True),  # type: ignore[misc]
            lambda other=other: pair_show(pair=other, pictures_public=True),  # type: ignore[misc]
        )
        failed += at_once(
            lambda one=one: pair_withdraw(pair=one),  # type: ignore[misc]
            lambda other=other: pair_withdraw(pair=other),  # type: ignore[misc]
        )
        assert not failed
    assert not Pair.objects.filter(withdrawn_at=None).exists()
    assert not StoredImage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_erasing_a_picture_waits_for_the_worker_that_saves_its_code(
    tiny: Generator, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker holds the inversion and then wants its job: so must whoever erases both."""
    image = image_intake(owner=ada, data=a_face(1))
    inversion = inversion_request(image=image, generator=tiny, owner=ada)
    held = threading.Event()

    def worker() -> None:
        with transaction.atomic():
            Inversion.objects.select_for_update().get(pk=inversion.pk)
            held.set()
            time.sleep(0.5)
            Job.objects.filter(key=str(inversion.pk)).update(progress=0.5)

    failed = at_once(worker, lambda: held.wait(10) and picture_erase(image=image))
    assert not failed
    assert not Inversion.objects.exists()


def at_once(*calls: Callable[[], Any]) -> list[BaseException]:
    """Runs each in a thread with a connection of its own; what went wrong."""
    failed: list[BaseException] = []

    def run(call: Callable[[], Any]) -> None:
        try:
            call()
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return failed


def test_nobody_deletes_a_picture_from_under_a_pair(contribute: Contribute) -> None:
    pair = contribute()
    assert pair.before is not None
    with pytest.raises(RestrictedError):
        pair.before.delete()


def test_deleting_the_account_takes_everything(
    contribute: Contribute, work: Work, ada: User, bob: User, django_capture_on_commit_callbacks: Any
) -> None:
    contribute()
    theirs = contribute(user=bob)
    work()
    export = account_export(user=ada)["pairs"]
    assert [row["change"] for row in export] == ["smile"]
    with django_capture_on_commit_callbacks(execute=True):
        account_delete(user=ada)
    assert list(Pair.objects.all()) == [theirs]
    assert Direction.objects.count() == 1
    assert Inversion.objects.count() == 2
    assert not StoredImage.objects.filter(owner__username="ada").exists()
    assert Semantic.objects.get().name == "smile"


# --- another generator ------------------------------------------------------------------------------


def test_a_later_generator_derives_everything_once(
    contribute: Contribute, work: Work, register: Callable[..., Generator], tiny_folders: list[Path]
) -> None:
    pairs = [contribute() for _ in range(2)]
    gone = contribute()
    work()
    pair_withdraw(pair=gone)
    other = register(tiny_folders[1])
    out = StringIO()
    call_command("derive", "--generator", other.slug, stdout=out)
    assert f"{other.slug}: 2 directions queued" in out.getvalue()
    work()
    for pair in pairs:
        first, second = pair.directions.order_by("generator")
        assert {first.state, second.state} == {"ready"}
        assert (first.digest, second.digest) == (first.generator.digest, other.digest)
        assert first.digest != second.digest
    assert directions_rederive(generator=other) == 0
    call_command("derive", stdout=out)
    assert Direction.objects.count() == 4
    assert Inversion.objects.values("image").distinct().count() == 4
    assert Inversion.objects.count() == 8


def test_a_pair_contributed_with_two_generators_gets_a_direction_on_each(
    contribute: Contribute,
    work: Work,
    register: Callable[..., Generator],
    tiny_folders: list[Path],
    tiny: Generator,
) -> None:
    other = register(tiny_folders[1])
    pair = contribute()
    work()
    assert {row.generator for row in pair.directions.filter(state="ready")} == {tiny, other}
    assert pair_progress(pair, other).direction == direction_of(pair, other)
    assert pairs_of(pair.contributor).get().directions.all()[0].generator == tiny  # the default first


@pytest.mark.django_db(transaction=True)
def test_two_inversions_that_finish_at_once_queue_the_derivation_once(
    contribute: Contribute, work: Work
) -> None:
    """Each in its own transaction, neither seeing the other's result before it commits."""
    pair = contribute()
    direction = of(pair)
    both = [direction.before_inversion, direction.after_inversion]
    barrier, failed = threading.Barrier(2), []

    def finish(inversion: Inversion) -> None:
        try:
            with transaction.atomic():
                Inversion.objects.filter(pk=inversion.pk).update(state=Inversion.State.READY)
                barrier.wait(10)
                direction_advance(inversion=inversion)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=finish, args=(inversion,)) for inversion in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failed
    assert Job.objects.filter(kind="derive", key=str(direction.pk)).count() == 1
    assert of(pair).state == Direction.State.DERIVING


# --- over HTTP --------------------------------------------------------------------------------------


def body(change: str = "Smile", seed: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "before": SimpleUploadedFile("b.png", a_face(seed, smile=0.1), "image/png"),
        "after": SimpleUploadedFile("a.png", a_face(seed, smile=0.9), "image/png"),
        "change": change,
        **more,
    }


def test_the_whole_way_over_the_api(
    tiny: Generator, ada: User, work: Work, client: Client, headers: Headers, tmp_path: Path
) -> None:
    mine = headers(ada)
    sent = client.post("/api/v1/pairs/", body(), headers=mine)
    assert sent.status_code == 201
    address = f"/api/v1/pairs/{sent.json()['id']}/"
    assert sent.json()["progress"]["state"] == "queued"
    assert client.get(f"{address}direction.npz", headers=mine).status_code == 404
    work()
    got = client.get(address, headers=mine).json()
    assert (got["state"], got["slug"], got["progress"]["final"]) == ("ready", "smile", True)
    assert got["direction"]["digest"] == tiny.digest
    assert got["direction"]["quality"]["verdict"] is None
    client.force_login(ada)
    assert client.get(got["direction"]["strip"]).status_code == 200
    client.logout()
    assert client.get(got["direction"]["strip"]).status_code == 404
    file = client.get(f"{address}direction.safetensors", headers=mine)
    assert file["Content-Disposition"].endswith('.safetensors"')
    path = tmp_path / "d.safetensors"
    path.write_bytes(file.content)
    from inference import Direction as LibraryDirection

    assert LibraryDirection.load(path).digest == tiny.digest
    assert client.get(f"{address}direction.pickle", headers=mine).status_code == 404
    listed = client.get("/api/v1/pairs/", headers=mine).json()
    assert [row["state"] for row in listed["results"]] == ["ready"]
    withdrawn = client.post(f"{address}withdraw/", headers=mine).json()
    assert (withdrawn["state"], withdrawn["before"], withdrawn["direction"]) == ("withdrawn", None, None)
    assert client.delete(address, headers=mine).status_code == 204
    assert client.get(address, headers=mine).status_code == 404


def test_an_idempotency_key_makes_one_pair(
    tiny: Generator, ada: User, client: Client, headers: Headers
) -> None:
    mine = {**headers(ada), "Idempotency-Key": "once"}
    first = client.post("/api/v1/pairs/", body(), headers=mine)
    second = client.post("/api/v1/pairs/", body(), headers=mine)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert Pair.objects.count() == 1
    other = client.post("/api/v1/pairs/", body("hat"), headers=mine)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency:key-reused")


def test_cancel_and_retry_over_the_api(
    tiny: Generator, ada: User, work: Work, client: Client, headers: Headers
) -> None:
    mine = headers(ada)
    address = f"/api/v1/pairs/{client.post('/api/v1/pairs/', body(), headers=mine).json()['id']}/"
    assert client.post(f"{address}cancel/", headers=mine).json()["state"] == "cancelled"
    assert client.post(f"{address}retry/", headers=mine).json()["progress"]["final"] is False
    work()
    refused = client.post(f"{address}cancel/", headers=mine)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "pairs:finished")


def test_anothers_pair_is_as_absent_as_none(
    contribute: Contribute, work: Work, bob: User, client: Client, headers: Headers
) -> None:
    pair = contribute()
    work()
    theirs = headers(bob)
    address, nowhere = (f"/api/v1/pairs/{id}/" for id in (pair.pk, uuid.uuid4()))
    for path in ("", "direction.npz"):
        other, absent = (client.get(base + path, headers=theirs) for base in (address, nowhere))
        assert (other.status_code, absent.status_code) == (404, 404)
    assert client.get(address, headers=theirs).json()["error"]["code"] == "pair:not-found"
    for action in ("cancel", "retry", "withdraw"):
        assert client.post(f"{address}{action}/", headers=theirs).status_code == 404
    assert client.delete(address, headers=theirs).status_code == 404
    assert client.get("/api/v1/pairs/").status_code == 401
    assert Pair.objects.filter(pk=pair.pk, withdrawn_at=None).exists()
    for stranger in (bob, None):
        with pytest.raises(NotFound):
            access_pair(stranger, pair.pk)


def test_pictures_are_shown_and_hidden_afterwards_and_access_follows_at_once(
    tiny: Generator, ada: User, bob: User, client: Client, headers: Headers
) -> None:
    mine, theirs = headers(ada), headers(bob)
    sent = client.post("/api/v1/pairs/", body(), headers=mine).json()
    address = f"/api/v1/pairs/{sent['id']}/"

    def seen(by: dict[str, str]) -> list[int]:
        return [client.get(sent[side], headers=by).status_code for side in ("before", "after")]

    def change(public: object, by: dict[str, str]) -> Any:
        return client.patch(address, {"pictures_public": public}, "application/json", headers=by)

    assert (seen(mine), seen(theirs), seen({})) == ([200] * 2, [404] * 2, [404] * 2)
    shown = change(True, mine)
    assert (shown.status_code, shown.json()["pictures_public"]) == (200, True)
    assert (seen(theirs), seen({})) == ([200] * 2, [200] * 2)
    public = client.get(sent["before"])
    assert public["Cache-Control"] == "private, no-cache", "no cache may show it after it was hidden"
    assert change(False, mine).json()["pictures_public"] is False
    assert (seen(mine), seen(theirs)) == ([200] * 2, [404] * 2)
    again = client.get(sent["before"], headers={**theirs, "If-None-Match": public["ETag"]})
    assert again.status_code == 404
    refused = change(True, theirs)
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "pair:not-found")
    assert change("perhaps", mine).json()["error"]["code"] == "request:invalid"
    assert client.patch(address, {}, "application/json", headers=mine).status_code == 400
    client.post(f"{address}withdraw/", headers=mine)
    gone = change(True, mine)
    assert (gone.status_code, gone.json()["error"]["code"]) == (409, "pairs:withdrawn")


def test_a_picture_stays_public_while_another_pair_shows_it(contribute: Contribute, ada: User) -> None:
    shared = a_face(7)
    first, second = (contribute(before=shared, pictures_public=True) for _ in range(2))
    assert first.before is not None
    assert first.after is not None
    pair_show(pair=first, pictures_public=False)
    assert access_image(AnonymousUser(), first.before.pk) == second.before
    with pytest.raises(NotFound):
        access_image(AnonymousUser(), first.after.pk)
    pair_show(pair=second, pictures_public=False)
    with pytest.raises(NotFound):
        access_image(AnonymousUser(), first.before.pk)


def test_pictures_are_shown_and_hidden_on_the_page(contribute: Contribute, bob: User) -> None:
    pair, client = contribute(), Client()
    client.force_login(pair.contributor)
    page = client.get(f"/contributions/{pair.pk}/").content.decode()
    assert f"/contributions/{pair.pk}/show/" in page
    shown = client.post(f"/contributions/{pair.pk}/show/", follow=True).content.decode()
    assert "Everybody can see the two pictures now." in shown
    assert f"/contributions/{pair.pk}/hide/" in shown
    assert Client().get(f"/media/{pair.before_id}/").status_code == 200
    client.post(f"/contributions/{pair.pk}/hide/")
    assert Client().get(f"/media/{pair.before_id}/").status_code == 404
    client.force_login(bob)
    assert client.post(f"/contributions/{pair.pk}/show/").status_code == 404
    assert client.get(f"/contributions/{pair.pk}/show/").status_code == 405


def test_refusals_over_the_api_have_stable_codes(
    tiny: Generator, ada: User, client: Client, headers: Headers
) -> None:
    mine = headers(ada)
    empty = client.post("/api/v1/pairs/", {"change": "smile"}, headers=mine)
    assert (empty.status_code, empty.json()["error"]["code"]) == (400, "request:invalid")
    assert {"before", "after"} <= set(empty.json()["error"]["fields"])
    odd = client.post("/api/v1/pairs/", body("smile 😀"), headers=mine)
    assert (odd.status_code, odd.json()["error"]["code"]) == (400, "semantics:characters")
    text = client.post(
        "/api/v1/pairs/", body(after=SimpleUploadedFile("a.png", b"text", "image/png")), headers=mine
    )
    assert text.json()["error"]["code"].startswith("media:")
    assert not Pair.objects.exists()
    assert not StoredImage.objects.exists()


# --- with the worker that `make run` starts -----------------------------------------------------------


def test_a_real_worker_takes_a_pair_from_the_api_to_a_version(
    workers: Any,
    register: Callable[..., Generator],
    tiny_folders: list[Path],
    client: Client,
    headers: Headers,
    until: Any,
) -> None:
    from directions.community.models import Series

    register(tiny_folders[0])
    mine = headers(a_user("ada"))
    ids = [client.post("/api/v1/pairs/", body(), headers=mine).json()["id"] for _ in range(2)]

    def states() -> set[str]:
        return {client.get(f"/api/v1/pairs/{id}/", headers=mine).json()["state"] for id in ids}

    until(lambda: states() == {"ready"}, 120, workers.log("batch"))
    assert Direction.objects.filter(state="ready").count() == 2
    until(lambda: Series.objects.get().latest is not None, 60, workers.log("batch"))
