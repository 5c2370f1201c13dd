"""Contributions: a pair becomes one direction a generator, is refused with words, and can be taken back."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
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
from direction_commons.media.models import StoredImage
from direction_commons.media.services import image_intake, image_read
from directions.generators.models import Generator
from directions.inversions.codes import codes_unpack
from directions.inversions.models import Inversion
from directions.inversions.selectors import inversion_codes
from directions.pairs import handlers
from directions.pairs import services as pair_services
from directions.pairs.access import access_direction, access_pair
from directions.pairs.exports import direction_load, file_bytes
from directions.pairs.models import Direction, Pair
from directions.pairs.selectors import direction_of, directions_of, pair_progress, pair_state, pairs_of
from directions.pairs.services import (
    direction_advance,
    directions_rederive,
    pair_cancel,
    pair_delete,
    pair_retry,
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


# --- refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "thresholds", "word"),
    [
        ("same-picture", {"null_floor": 1e6}, "check that you did not choose one file twice"),
        ("unrelated-pictures", {"unrelated": 1e-3}, "two unrelated pictures"),
        ("out-of-domain", {"out_of_domain": 1e-3}, "is not one"),
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

    pair = contribute()
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
    assert word in progress.text or (verdict == "out-of-domain" and "Neither picture is one" in progress.text)
    assert direction.vector is None
    assert direction.quality["verdict"] == verdict
    assert not heard
    assert not directions_of(pair.contributor, generator).exists()
    with pytest.raises(NotFound):
        access_direction(pair.contributor, direction.pk)
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


def test_the_days_quota(contribute: Contribute, settings: LazySettings) -> None:
    settings.QUOTA_PAIRS_A_DAY = 1
    contribute()
    with pytest.raises(UserError) as refusal:
        contribute()
    assert refusal.value.code == "accounts:quota"
    assert Pair.objects.count() == 1


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
    assert client.get(address, headers=theirs).json()["error"]["code"] == "contribution:not-found"
    for action in ("cancel", "retry", "withdraw"):
        assert client.post(f"{address}{action}/", headers=theirs).status_code == 404
    assert client.delete(address, headers=theirs).status_code == 404
    assert client.get("/api/v1/pairs/").status_code == 401
    assert Pair.objects.filter(pk=pair.pk, withdrawn_at=None).exists()
    direction = of(pair)
    assert access_direction(pair.contributor, str(direction.pk)) == direction
    for stranger in (bob, AnonymousUser()):
        with pytest.raises(NotFound):
            access_direction(stranger, direction.pk)
        with pytest.raises(NotFound):
            access_pair(stranger, "no uuid")


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
