"""The studio: whose photo, what is refused, what is erased, and previews that are the library's edit."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from celery.exceptions import TimeoutError as NoAnswer
from celery.result import AsyncResult
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from PIL import Image

from direction_commons.accounts.models import User
from direction_commons.errors import NotFound, UserError
from direction_commons.jobs.models import Job
from direction_commons.media.models import StoredImage
from directions.community.models import VersionVector
from directions.generators.models import Generator
from directions.generators.services import generator_register
from directions.inversions.codes import codes_pack, codes_unpack
from directions.inversions.models import Inversion
from directions.pairs.services import pair_withdraw
from directions.studio import previews, services
from directions.studio.models import Photo, Recipe
from directions.studio.selectors import photo_progress, sample_photos, sliders_for
from directions.studio.services import photo_create, photo_delete, photo_prepare
from directions.studio.steps import MAX_STEPS, Step, steps_parse, steps_resolve
from directions.studio.tasks import draw
from directions.tray import TrayPicture
from tests.directions.studio_rows import (
    a_direction,
    a_generator,
    a_person,
    a_picture,
    a_version,
    an_inversion,
    an_upload,
    picture_bytes,
)

JSON = "application/json"


def a_photo(owner: User, generator: Generator, **more: Any) -> Photo:
    """A photo that is ready to edit."""
    photo = photo_create(owner=owner, data=picture_bytes(abs(hash(owner.username)) % 10**6))
    an_inversion(photo.image, generator, **more)
    return photo


def a_sample(generator: Generator, name: str = "ada") -> Photo:
    photo = Photo.objects.create(owner=None, sample=name, image=a_picture(None, public=True))
    an_inversion(photo.image, generator)
    return photo


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs in these tests; nobody wants to wait for one."""
    monkeypatch.setattr(settings, "PREVIEW_SECONDS", 0.3)


# --- photos ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_photo_is_inverted_on_every_active_generator_and_the_same_picture_is_one_photo() -> None:
    one, two = a_generator(), a_generator("other")
    a_generator("old", is_active=False)
    person = a_person()
    photo = photo_create(owner=person, data=an_upload(1))
    again = photo_create(owner=person, data=an_upload(1))
    assert photo == again
    inversions = Inversion.objects.filter(image=photo.image)
    assert {row.generator for row in inversions} == {one, two}
    assert set(Job.objects.filter(kind="inversion").values_list("key", flat=True)) == {
        str(row.pk) for row in inversions
    }
    assert photo_create(owner=a_person(), data=an_upload(1)) != photo, "nothing is shared between people"


@pytest.mark.django_db
def test_a_photo_whose_inversion_failed_is_tried_again_when_it_is_sent_again() -> None:
    generator, person = a_generator(), a_person()
    photo = photo_create(owner=person, data=an_upload(1))
    Job.objects.update(state=Job.State.FAILED)
    Inversion.objects.update(state=Inversion.State.FAILED, reason="The picture cannot be read.")
    assert photo_progress(photo=photo, generator=generator).state == "failed"
    photo_create(owner=person, data=an_upload(1))
    assert photo_progress(photo=photo, generator=generator).state == "waiting"
    assert Job.objects.filter(state=Job.State.QUEUED).count() == 1


@pytest.mark.django_db
def test_an_account_keeps_so_many_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "QUOTA_PHOTOS", 2)
    a_generator()
    person = a_person()
    photos = [photo_create(owner=person, data=an_upload(seed)) for seed in (1, 2)]
    with pytest.raises(UserError, match="at most 2") as refused:
        photo_create(owner=person, data=an_upload(3))
    assert (refused.value.code, refused.value.status) == ("studio:too-many-photos", 403)
    files = {path for path in Path(settings.MEDIA_ROOT).rglob("*") if str(person.pk) in str(path)}
    assert photo_create(owner=person, data=an_upload(1)) == photos[0], "it is here already: nothing is added"
    with pytest.raises(UserError):
        photo_create(owner=person, data=an_upload(3))
    assert {path for path in Path(settings.MEDIA_ROOT).rglob("*") if str(person.pk) in str(path)} == files
    photo_delete(photo=photos[0])
    photo_create(owner=person, data=an_upload(3))


@pytest.mark.django_db
def test_progress_tells_place_then_ready_or_out_of_domain() -> None:
    generator, person = a_generator(), a_person()
    photo_create(owner=a_person(), data=an_upload(1))
    photo = photo_create(owner=person, data=an_upload(2))
    waiting = photo_progress(photo=photo, generator=generator)
    assert (waiting.state, waiting.ahead, waiting.final) == ("waiting", 1, False)
    assert "1 ahead" in waiting.text
    an_inversion(photo.image, generator)
    assert photo_progress(photo=photo, generator=generator).state == "ready"
    an_inversion(photo.image, generator, out_of_domain=True, error=0.9)
    unknown = photo_progress(photo=photo, generator=generator)
    assert (unknown.state, unknown.final) == ("out-of-domain", True)
    assert unknown.inversion is not None
    assert unknown.inversion.reconstruction is not None, "it is shown beside the photo"


@pytest.mark.django_db
def test_a_generator_that_came_later_is_asked_when_the_photo_is_opened() -> None:
    a_generator()
    photo = photo_create(owner=a_person(), data=an_upload(1))
    later = a_generator("later")
    for _ in range(2):
        photo_prepare(photo=photo, generator=later)
    assert Inversion.objects.filter(image=photo.image, generator=later).count() == 1


@pytest.mark.django_db(transaction=True)
def test_deleting_a_photo_deletes_picture_code_reconstruction_and_recipes() -> None:
    generator, person = a_generator(), a_person()
    photo = a_photo(person, generator)
    version = a_version(generator)
    steps = {"steps": [{"kind": "community", "id": str(version.pk), "intensity": 1}]}
    signed_in(person).post(f"/api/v1/photos/{photo.pk}/recipes/", steps, JSON)
    assert Recipe.objects.count() == 1
    files = [Path(settings.MEDIA_ROOT) / image.path for image in StoredImage.objects.filter(owner=person)]
    assert len(files) == 2
    assert all(file.exists() for file in files)
    assert signed_in(person).delete(f"/api/v1/photos/{photo.pk}/").status_code == 204
    assert not StoredImage.objects.filter(owner=person).exists()
    assert not any(file.exists() for file in files)
    assert not Recipe.objects.exists()
    assert not Inversion.objects.exists()


@pytest.mark.django_db
def test_deleting_a_photo_leaves_the_pair_that_shows_the_same_picture() -> None:
    generator, person = a_generator(), a_person()
    direction = a_direction(person, generator)
    before = direction.pair.before
    assert before is not None
    photo = Photo.objects.create(owner=person, image=before)
    photo_delete(photo=photo)
    assert StoredImage.objects.filter(pk=before.pk).exists()
    assert Inversion.objects.filter(image=before).exists()


@pytest.mark.django_db
def test_samples_are_installed_once_from_the_tray_and_belong_to_nobody() -> None:
    generator = a_generator()
    call_command("samples_install")
    first = list(sample_photos())
    call_command("samples_install")
    assert list(sample_photos()) == first
    assert len(first) >= 4
    assert all(photo.image.public and photo.owner is None for photo in first)
    assert Inversion.objects.filter(generator=generator).count() == len(first)
    a_generator("later")
    call_command("samples_install")
    assert Inversion.objects.count() == 2 * len(first)


@pytest.mark.django_db(transaction=True)
def test_a_sample_that_was_drawn_anew_is_renewed_where_it_is_installed_already(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = a_generator()
    call_command("samples_install")
    old, *others = sample_photos()
    an_inversion(old.image, generator)
    file = Path(settings.MEDIA_ROOT) / old.image.path
    assert file.exists()
    read = TrayPicture.read
    monkeypatch.setattr(
        TrayPicture,
        "read",
        lambda picture: picture_bytes(5) if picture.file == f"{old.sample}.png" else read(picture),
    )
    capsys.readouterr()
    call_command("samples_install")
    assert capsys.readouterr().out == f"New or renewed sample faces: {old.sample}.\n"
    new, *rest = sample_photos()
    assert (new.pk, rest) == (old.pk, others), "whoever has a link to the face finds its new picture"
    assert new.image != old.image
    assert Inversion.objects.get(image=new.image).state == Inversion.State.WAITING
    assert Job.objects.filter(
        state=Job.State.QUEUED, key=str(Inversion.objects.get(image=new.image).pk)
    ).exists()
    assert not StoredImage.objects.filter(pk=old.image_id).exists(), "nothing shows the old one"
    assert not file.exists()
    call_command("samples_install")
    assert capsys.readouterr().out == ""


# --- whose is what -----------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "delete"])
def test_another_persons_photo_is_not_there(method: str) -> None:
    generator, owner = a_generator(), a_person()
    photo = a_photo(owner, generator)
    for client in (signed_in(a_person()), Client()):
        answer = getattr(client, method)(f"/api/v1/photos/{photo.pk}/")
        assert answer.status_code == (401 if method == "delete" and not client.session.keys() else 404)
    assert signed_in(owner).get(f"/api/v1/photos/{photo.pk}/").status_code == 200


@pytest.mark.django_db
def test_a_sample_may_be_seen_by_all_and_deleted_by_none() -> None:
    generator = a_generator()
    sample = a_sample(generator)
    assert Client().get(f"/api/v1/photos/{sample.pk}/").json()["sample"] is True
    answer = signed_in(a_person()).delete(f"/api/v1/photos/{sample.pk}/")
    assert code_of(answer) == (403, "studio:sample")
    assert sample_photos().count() == 1


@pytest.mark.django_db
def test_own_directions_are_sliders_at_once_and_for_nobody_else() -> None:
    generator, owner, other = a_generator(), a_person(), a_person()
    direction = a_direction(owner, generator, "earrings")
    a_direction(owner, generator, "waiting", state="waiting", vector=None, step=None)
    a_version(generator, "smile", demonstration=True)
    a_version(generator, "glasses")
    a_version(a_generator("other"), "hat")
    a_version(generator, "gone", vector=False)
    mine = sliders_for(user=owner, generator=generator)
    assert [(s.change, s.private, s.demonstration) for s in mine] == [
        ("earrings", True, False),
        ("glasses", False, False),
        ("smile", False, True),
    ]
    assert mine[0].id == str(direction.pk)
    for stranger in (other, None):
        assert [s.change for s in sliders_for(user=stranger, generator=generator)] == ["glasses", "smile"]
    assert [s.change for s in sliders_for(user=owner, generator=generator, query="earings")] == ["earrings"]
    pair_withdraw(pair=direction.pair)
    assert "earrings" not in [s.change for s in sliders_for(user=owner, generator=generator)]


@pytest.mark.django_db
def test_steps_resolve_for_their_owner_only() -> None:
    generator, owner = a_generator(), a_person()
    direction = a_direction(owner, generator, "earrings")
    version = a_version(generator, "smile")
    steps = [Step("pair", str(direction.pk), 0.5), Step("community", str(version.pk), -1.0)]
    own, community = steps_resolve(user=owner, generator=generator, steps=steps)
    assert (own.change, own.step, own.intensity, own.digest) == ("earrings", 2.0, 0.5, generator.digest)
    assert (community.change, community.version, community.step) == ("smile", 1, 1.5)
    for stranger in (a_person(), None):
        with pytest.raises(NotFound):
            steps_resolve(user=stranger, generator=generator, steps=steps)
    with pytest.raises(NotFound):
        steps_resolve(user=owner, generator=a_generator("other"), steps=steps[1:])


@pytest.mark.django_db
def test_a_withdrawn_vector_is_gone_and_an_unready_direction_is_a_conflict() -> None:
    generator, owner = a_generator(), a_person()
    version = a_version(generator, "smile", vector=False)
    direction = a_direction(owner, generator, state="refused", vector=None, step=None)
    for step, code, status in (
        (Step("community", str(version.pk), 1.0), "community:vector-withdrawn", 410),
        (Step("pair", str(direction.pk), 1.0), "studio:direction-not-ready", 409),
    ):
        with pytest.raises(UserError) as refused:
            steps_resolve(user=owner, generator=generator, steps=[step])
        assert (refused.value.code, refused.value.status) == (code, status)


UUID = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ({"kind": "pair"}, "list"),
        ([{"kind": "pair", "id": UUID}], "Step 1"),
        ([{"kind": "version", "id": "1", "intensity": 1}], "'version'"),
        ([{"kind": "community", "id": "-1", "intensity": 1}], "whole number"),
        ([{"kind": "community", "id": "9" * 30, "intensity": 1}], "whole number"),
        ([{"kind": "pair", "id": "12", "intensity": 1}], "UUID"),
        ([{"kind": "community", "id": 1, "intensity": "much"}], "'much'"),
        ([{"kind": "community", "id": 1, "intensity": True}], "'True'"),
        ([{"kind": "community", "id": 1, "intensity": float("nan")}], "'nan'"),
        ([{"kind": "community", "id": 1, "intensity": 3.01}], "3.01"),
        ([{"kind": "community", "id": 1, "intensity": -3.01}], "at most 3"),
        (
            [
                {"kind": "community", "id": 1, "intensity": 1},
                {"kind": "community", "id": "1", "intensity": 2},
            ],
            "twice",
        ),
        (
            [{"kind": "community", "id": n, "intensity": 1} for n in range(MAX_STEPS + 1)],
            f"{MAX_STEPS + 1} steps",
        ),
    ],
)
def test_odd_steps_are_refused_by_name(raw: Any, word: str) -> None:
    with pytest.raises(UserError, match=word) as refused:
        steps_parse(raw)
    assert refused.value.code == "studio:steps"


def test_steps_at_the_limits_are_taken() -> None:
    raw = [{"kind": "community", "id": n, "intensity": 3.0 if n % 2 else -3.0} for n in range(MAX_STEPS)]
    assert [step.intensity for step in steps_parse(raw)] == [-3.0, 3.0] * (MAX_STEPS // 2)


# --- previews that are refused -----------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.usefixtures("no_wait")
def test_previews_are_refused_with_what_is_the_matter() -> None:
    generator, owner = a_generator(), a_person()
    client = signed_in(owner)
    photo = photo_create(owner=owner, data=an_upload(1))
    address = f"/api/v1/photos/{photo.pk}/preview/"
    assert code_of(client.post(address, {"steps": []}, JSON)) == (409, "studio:not-ready")
    judge = address.replace("/preview/", "/domain/")
    assert code_of(client.post(judge, {"steps": []}, JSON)) == (409, "studio:not-ready")
    assert code_of(signed_in(a_person()).post(judge, {"steps": []}, JSON)) == (404, "photo:not-found")
    an_inversion(photo.image, generator, out_of_domain=True, error=0.31)
    assert code_of(client.post(judge, {"steps": []}, JSON)) == (422, "studio:out-of-domain")
    refused = client.post(address, {"steps": []}, JSON)
    assert code_of(refused) == (422, "studio:out-of-domain")
    assert "0.310" in refused.json()["error"]["message"]
    an_inversion(photo.image, generator, state=Inversion.State.FAILED, reason="It could not be read.")
    assert code_of(client.post(address, {"steps": []}, JSON)) == (409, "studio:photo-failed")
    an_inversion(photo.image, generator, out_of_domain=False)
    assert code_of(client.post(address + "?format=gif", {"steps": []}, JSON)) == (400, "studio:format")
    assert code_of(client.post(address, {"steps": 3}, JSON)) == (400, "studio:steps")
    assert code_of(client.post(address, [1], JSON)) == (400, "studio:steps")
    stranger = signed_in(a_person()).post(address, {"steps": []}, JSON)
    assert code_of(stranger) == (404, "photo:not-found")


@pytest.mark.django_db
@pytest.mark.usefixtures("no_wait")
def test_without_a_worker_a_preview_is_busy_soon_and_its_message_expires(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator, owner = a_generator(), a_person()
    photo = a_photo(owner, generator)
    waited: list[float | None] = []
    get = AsyncResult.get

    def noted(result: Any, timeout: float | None = None, **more: Any) -> Any:
        waited.append(timeout)
        return get(result, timeout=timeout, **more)

    monkeypatch.setattr(AsyncResult, "get", noted)
    answer = signed_in(owner).post(
        f"/api/v1/photos/{photo.pk}/preview/", {"steps": []}, JSON, headers={"Accept": "image/png"}
    )
    assert code_of(answer) == (503, "studio:busy")
    assert waited == [settings.PREVIEW_SECONDS]
    with draw.app.connection_for_read() as connection:
        message = connection.default_channel.basic_get("interactive", no_ack=True)
    assert message is not None
    assert message.headers["expires"] is not None


@pytest.mark.django_db
def test_more_previews_at_once_than_there_is_room_for_are_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "PREVIEW_SECONDS", 0.5)
    generator, owner = a_generator(), a_person()
    photo = a_photo(owner, generator)
    for _ in range(settings.PREVIEWS_IN_FLIGHT):
        previews._waiting.acquire()
    try:
        answer = signed_in(owner).post(f"/api/v1/photos/{photo.pk}/preview/", {"steps": []}, JSON)
    finally:
        previews._waiting.release(settings.PREVIEWS_IN_FLIGHT)
    assert code_of(answer) == (503, "studio:busy")


@pytest.mark.django_db
@pytest.mark.usefixtures("no_wait")
def test_the_place_of_a_preview_is_free_again_after_a_refusal() -> None:
    generator, owner = a_generator(), a_person()
    photo = a_photo(owner, generator)
    client = signed_in(owner)
    for _ in range(settings.PREVIEWS_IN_FLIGHT + 1):
        client.post(f"/api/v1/photos/{photo.pk}/preview/", {"steps": []}, JSON)
    assert previews._waiting._value == settings.PREVIEWS_IN_FLIGHT  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_an_unreachable_queue_is_busy_and_no_stack_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    from kombu.exceptions import OperationalError

    generator, owner = a_generator(), a_person()
    photo = a_photo(owner, generator)
    for raised in (OperationalError("refused"), RuntimeError("Retry limit exceeded"), NoAnswer("late")):

        def broken(*_: Any, error: Exception = raised, **__: Any) -> None:
            raise error

        monkeypatch.setattr(draw, "apply_async", broken)
        answer = signed_in(owner).post(f"/api/v1/photos/{photo.pk}/preview/", {"steps": []}, JSON)
        assert code_of(answer) == (503, "studio:busy")


# --- previews that are drawn: a real worker process and a real (tiny) generator -------------------------


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of random weights on disk: what previews do does not depend on training."""
    from tests.inference.conftest import make_tiny_bundle

    folder = tmp_path_factory.mktemp("bundle")
    make_tiny_bundle().save(folder)
    return folder


def pixels_of(data: bytes) -> Any:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def random_codes(generator: Generator, seed: int) -> tuple[bytes, list[int]]:
    shape = (generator.num_layers, generator.code_dim)
    return codes_pack(np.random.default_rng(seed).standard_normal(shape) * 0.4)


def test_a_preview_is_the_librarys_edit_and_a_recipe_replays_it(
    worker_starter: Any, tiny_folder: Path
) -> None:
    from directions.studio.rendering import Move
    from inference import Bundle, edit, invert, to_uint8

    generator = generator_register(location=str(tiny_folder))
    owner = a_person()
    direction = a_direction(owner, generator, "earrings", step=3.0)
    version, other_version = a_version(generator, "smile"), a_version(generator, "hat")
    data, shape = random_codes(generator, 7)
    photo = photo_create(owner=owner, data=an_upload(1))
    inversion = an_inversion(photo.image, generator, codes=data, shape=shape)
    worker_starter.start("interactive")
    client = signed_in(owner)
    raw = [
        {"kind": "community", "id": str(version.pk), "intensity": 1.5},
        {"kind": "pair", "id": str(direction.pk), "intensity": -0.75},
    ]
    address = f"/api/v1/photos/{photo.pk}/preview/?format=png"
    answer = client.post(address, {"steps": raw}, JSON)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "image/png"

    import torch

    bundle = Bundle.load(str(tiny_folder), device="cpu")
    vector = codes_unpack(version.vector.data, version.vector.shape)
    own = codes_unpack(direction.vector or b"", direction.shape)
    moves = [
        (Move(vector, version.step, bundle.digest), 1.5),
        (Move(own, 3.0, bundle.digest), -0.75),
    ]
    codes = torch.from_numpy(codes_unpack(inversion.codes or b"", inversion.shape))[None]
    wanted = to_uint8(edit(bundle, codes, moves))[0].astype(int)
    drawn = pixels_of(answer.content)
    assert np.abs(drawn - wanted).max() <= 1
    untouched = to_uint8(edit(bundle, codes, []))[0].astype(int)
    assert np.abs(pixels_of(client.post(address, {"steps": []}, JSON).content) - untouched).max() <= 1
    assert np.abs(drawn - untouched).max() > 8, "the steps must have done something"

    judge = f"/api/v1/photos/{photo.pk}/domain/"
    read = [float(invert(bundle, edit(bundle, codes, used), steps=0).errors[0]) for used in (moves, [])]
    judged = client.post(judge, {"steps": raw}, JSON).json()
    assert judged["shift"] == pytest.approx(read[0] - read[1], abs=1e-4)
    assert abs(judged["shift"]) > 1e-3, "the edit must have done something"
    for limit, outside in ((judged["shift"] - 1e-3, True), (judged["shift"] + 1e-3, False)):
        generator.thresholds["out_of_domain"] = limit / previews.OUTSIDE_SHARE
        generator.save()
        assert client.post(judge, {"steps": raw}, JSON).json()["outside"] is outside
        page = client.post(f"/studio/{photo.pk}/domain/", json.dumps({"steps": raw}), JSON)
        assert page.json() == {"outside": outside}
    generator.thresholds["out_of_domain"] = bundle.thresholds["out_of_domain"]
    generator.save()
    assert client.post(judge, {"steps": []}, JSON).json()["shift"] == 0.0

    webp = client.post(f"/api/v1/photos/{photo.pk}/preview/", {"steps": raw}, JSON)
    assert webp["Content-Type"] == "image/webp"
    assert len(webp.content) < len(answer.content)
    assert np.abs(pixels_of(webp.content) - wanted).mean() < 8

    recipe = client.post(f"/api/v1/photos/{photo.pk}/recipes/", {"steps": raw}, JSON).json()
    document = recipe["document"]
    assert document["generator"]["digest"] == generator.digest
    assert document["photo"]["sha256"] == photo.image.sha256
    assert [step["change"] for step in document["steps"]] == ["smile", "earrings"]
    assert client.get(recipe["image"]).content == answer.content
    assert client.post("/api/v1/recipes/replay/", document, JSON).content == answer.content
    for stranger in (signed_in(a_person()), Client()):
        assert stranger.get(recipe["image"]).status_code in (401, 404)
        assert code_of(stranger.post("/api/v1/recipes/replay/", document, JSON)) == (404, "photo:not-found")

    # Without an account: a sample and the community's directions, and nothing else.
    sample = a_sample(generator)
    public = f"/api/v1/photos/{sample.pk}/preview/"
    assert Client().post(public, {"steps": raw[:1]}, JSON)["Content-Type"] == "image/webp"
    assert code_of(Client().post(public, {"steps": raw}, JSON)) == (404, "direction:not-found")

    # What a recipe names must still be what it was.
    VersionVector.objects.filter(version=version).delete()
    for gone in (client.get(recipe["image"]), client.post("/api/v1/recipes/replay/", document, JSON)):
        assert code_of(gone) == (410, "studio:recipe-gone")
    assert code_of(client.post(address, {"steps": raw}, JSON)) == (410, "community:vector-withdrawn")
    steps = [{"kind": "community", "id": other_version.pk, "intensity": 1}]
    later = client.post(f"/api/v1/photos/{photo.pk}/recipes/", {"steps": steps}, JSON).json()
    inversion.codes = random_codes(generator, 8)[0]
    inversion.save()
    assert code_of(client.get(later["image"])) == (410, "studio:recipe-gone")


@pytest.mark.django_db
def test_a_recipe_is_read_however_its_ids_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, owner = a_generator(), a_person()
    photo, version = a_photo(owner, generator), a_version(generator)
    direction = a_direction(owner, generator)
    client = signed_in(owner)
    steps = [
        {"kind": "community", "id": f"00{version.pk}", "intensity": 1.0},
        {"kind": "pair", "id": str(direction.pk).upper(), "intensity": 1.0},
    ]
    document = client.post(f"/api/v1/photos/{photo.pk}/recipes/", {"steps": steps}, JSON).json()["document"]
    assert [step["id"] for step in document["steps"]] == [str(version.pk), str(direction.pk)]
    drawn: list[str] = []

    def picture_of(*, steps: Any, **more: Any) -> Any:
        drawn.extend(step.id for step in steps)
        return previews.Picture(b"", "image/png")

    monkeypatch.setattr("directions.studio.recipes.picture_of", picture_of)
    document["steps"][0]["id"] = version.pk
    document["steps"][1]["id"] = direction.pk.hex.upper()
    assert client.post("/api/v1/recipes/replay/", document, JSON).status_code == 200
    assert drawn == [str(version.pk), str(direction.pk)]


@pytest.mark.django_db
def test_what_is_no_recipe_is_refused() -> None:
    generator, owner = a_generator(), a_person()
    photo, version = a_photo(owner, generator), a_version(generator)
    client = signed_in(owner)
    steps = [{"kind": "community", "id": str(version.pk), "intensity": 1.0}]
    document = client.post(f"/api/v1/photos/{photo.pk}/recipes/", {"steps": steps}, JSON).json()["document"]
    replay = "/api/v1/recipes/replay/"
    for odd in ([], {}, {**document, "format": "another/1"}, {**document, "photo": "mine"}):
        answer = client.post(replay, odd, JSON)
        assert code_of(answer) == (400, "studio:recipe")
        assert "indices" not in answer.content.decode(), "words of Python's, which say nothing to a person"
    no_steps = json.loads(json.dumps(document))
    del no_steps["steps"][0]["vector_sha256"]
    assert code_of(client.post(replay, no_steps, JSON)) == (400, "studio:recipe")
    too_far = json.loads(json.dumps(document))
    too_far["steps"][0]["intensity"] = 9
    assert code_of(client.post(replay, too_far, JSON)) == (400, "studio:steps")
    other = {**document, "generator": {"slug": "x", "digest": "f" * 64}}
    assert code_of(client.post(replay, other, JSON)) == (410, "studio:recipe-gone")
    swapped = json.loads(json.dumps(document))
    swapped["steps"][0]["id"] = str(a_version(generator, "hat").pk)
    assert code_of(client.post(replay, swapped, JSON)) == (410, "studio:recipe-gone")


@pytest.mark.django_db
def test_recipes_have_a_quota_and_can_be_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "QUOTA_RECIPES", 1)
    generator, owner = a_generator(), a_person()
    photo = a_photo(owner, generator)
    client, address = signed_in(owner), f"/api/v1/photos/{photo.pk}/recipes/"
    recipe = client.post(address, {"steps": []}, JSON).json()["id"]
    assert code_of(client.post(address, {"steps": []}, JSON)) == (403, "studio:too-many-recipes")
    assert signed_in(a_person()).delete(f"/api/v1/recipes/{recipe}/").status_code == 404
    assert client.delete(f"/api/v1/recipes/{recipe}/").status_code == 204
    assert client.post(address, {"steps": []}, JSON).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_a_quotas_last_place_is_given_once(
    last_place: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "QUOTA_RECIPES", 1)
    generator, owner = a_generator(), a_person()
    photo = a_photo(owner, generator)
    done = last_place(
        services, lambda: services.recipe_save(user=owner, photo=photo, generator=generator, steps=[])
    )
    assert done == ["saved", "studio:too-many-recipes"]
    assert Recipe.objects.count() == 1


# --- the rest of the API -----------------------------------------------------------------------------


@pytest.mark.django_db
def test_photos_are_uploaded_listed_and_paged() -> None:
    a_generator()
    owner = a_person()
    client = signed_in(owner)
    bodies = [client.post("/api/v1/photos/", {"image": an_upload(n), "title": f"n{n}"}) for n in range(3)]
    assert [body.status_code for body in bodies] == [201] * 3
    listed = client.get("/api/v1/photos/", {"page_size": 2}).json()
    assert (listed["count"], [photo["title"] for photo in listed["results"]]) == (3, ["n2", "n1"])
    assert listed["results"][0]["progress"]["state"] == "waiting"
    assert client.get(listed["results"][0]["image"]["url"]).status_code == 200
    assert Client().get(listed["results"][0]["image"]["url"]).status_code == 404
    assert Client().get("/api/v1/photos/").status_code == 401


@pytest.mark.django_db
def test_what_is_no_picture_is_refused_and_leaves_nothing() -> None:
    a_generator()
    client = signed_in(a_person())
    from django.core.files.uploadedfile import SimpleUploadedFile

    answer = client.post("/api/v1/photos/", {"image": SimpleUploadedFile("a.png", b"<svg/>", "image/png")})
    assert answer.status_code in (400, 415)
    assert answer.json()["error"]["code"].startswith("media:")
    assert client.post("/api/v1/photos/", {}).json()["error"]["code"] == "request:invalid"
    assert not Photo.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_one_idempotency_key_makes_one_photo() -> None:
    a_generator()
    client = signed_in(a_person())
    answers = [
        client.post("/api/v1/photos/", {"image": an_upload(n)}, headers={"Idempotency-Key": "k1"})
        for n in (1, 1, 2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 409]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert Photo.objects.count() == 1


@pytest.mark.django_db
def test_sliders_samples_and_tray_need_no_account() -> None:
    generator = a_generator()
    a_sample(generator)
    a_version(generator, "smile")
    client = Client()
    (slider,) = client.get("/api/v1/sliders/").json()
    assert (slider["change"], slider["low"], slider["high"]) == ("smile", -1.5, 1.5)
    assert client.get("/api/v1/sliders/", {"limit": "x"}).status_code == 400
    (sample,) = client.get("/api/v1/samples/").json()
    assert sample["progress"]["state"] == "ready"
    assert client.get(sample["image"]["url"]).status_code == 200
    tray = client.get("/api/v1/tray/").json()
    assert {"earrings", "raised brows", "moustache"} <= {pair["change"] for pair in tray["pairs"]}
    assert all(pair[side]["alt"] for pair in tray["pairs"] for side in ("before", "after"))


@pytest.mark.django_db
def test_listing_photos_costs_the_same_for_many(django_assert_max_num_queries: Any) -> None:
    generator, owner = a_generator(), a_person()
    for number in range(12):
        an_inversion(photo_create(owner=owner, data=an_upload(number)).image, generator)
    client = signed_in(owner)
    with django_assert_max_num_queries(8):
        assert len(client.get("/api/v1/photos/").json()["results"]) == 12


def test_sample_faces_are_read_on_a_generator_that_comes_later(
    tiny: Generator, register: Callable[..., Generator], tiny_folders: list[Path]
) -> None:
    """Else its front page would wait for faces that nobody asked for."""
    samples = [
        services.sample_install(sample=name, title=name, data=picture_bytes(seed))[0]
        for seed, name in enumerate(("ada", "bo"))
    ]
    later = register(tiny_folders[1])
    asked = Inversion.objects.filter(generator=later)
    assert {row.image_id for row in asked} == {photo.image_id for photo in samples}
    queued = Job.objects.filter(kind="inversion", state=Job.State.QUEUED)
    assert {str(row.pk) for row in asked} <= {job.key for job in queued}
