"""The inversion job: codes with their digest, each picture by itself, nothing of another bundle."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from PIL import Image

from direction_commons.accounts.models import User
from direction_commons.jobs.models import Job
from direction_commons.jobs.selectors import job_of
from direction_commons.media.models import StoredImage
from direction_commons.media.services import image_intake, image_read
from direction_commons.media.storage import DurableFileSystemStorage
from directions.generators.models import Generator
from directions.inversions import handlers
from directions.inversions.codes import codes_pack, codes_unpack
from directions.inversions.models import Inversion
from directions.inversions.selectors import inversion_codes, inversion_progress, seconds_text
from directions.inversions.services import STEPS, inversion_request, inversion_store, picture_erase
from tests.directions.domain_rows import a_face

Work = Callable[[], int]


def asked(owner: User, generator: Generator, seed: int = 1) -> Inversion:
    image = image_intake(owner=owner, data=a_face(seed))
    return inversion_request(image=image, generator=generator, owner=owner)


def test_a_code_lies_there_as_the_library_found_it(
    tiny: Generator, ada: User, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inference import Bundle, invert, read_image, to_uint8

    monkeypatch.setattr(handlers, "STEPS", STEPS)
    inversion = asked(ada, tiny)
    assert work() == 1
    inversion.refresh_from_db()
    bundle = Bundle.load(tiny.location, device="cpu")
    own = invert(bundle, read_image(image_read(inversion.image), 32), STEPS)
    assert inversion.state == Inversion.State.READY
    assert inversion.digest == tiny.digest == bundle.digest
    assert inversion.shape == [tiny.num_layers, tiny.code_dim]
    np.testing.assert_allclose(inversion_codes(inversion), own.codes[0].numpy(), atol=1e-5)
    assert inversion.error == pytest.approx(float(own.errors[0]), rel=1e-4)
    assert inversion.psnr == pytest.approx(float(own.psnr[0]), rel=1e-4)
    assert inversion.reconstruction is not None
    kept = Image.open(io.BytesIO(image_read(inversion.reconstruction)))
    difference = np.asarray(kept.convert("RGB")).astype(int) - to_uint8(own.images)[0].astype(int)
    assert abs(difference).max() <= 1


def test_pictures_of_a_batch_do_not_see_each_other(tiny: Generator, ada: User, work: Work) -> None:
    alone = asked(ada, tiny, seed=1)
    work()
    alone.refresh_from_db()
    codes = inversion_codes(alone)
    Inversion.objects.all().delete()
    company = [asked(ada, tiny, seed=seed) for seed in (1, 2, 3)]
    assert work() == 1
    company[0].refresh_from_db()
    np.testing.assert_allclose(inversion_codes(company[0]), codes, atol=1e-4)


def test_one_picture_is_inverted_once_whoever_asks(tiny: Generator, ada: User, work: Work) -> None:
    first, second = asked(ada, tiny), asked(ada, tiny)
    assert first == second
    assert Job.objects.filter(kind="inversion").count() == 1
    work()
    again = asked(ada, tiny)
    assert again.state == Inversion.State.READY
    assert not Job.objects.filter(state=Job.State.QUEUED).exists()


def test_an_unreadable_picture_fails_alone_and_with_words(tiny: Generator, ada: User, work: Work) -> None:
    good, bad = asked(ada, tiny, seed=1), asked(ada, tiny, seed=2)
    default_storage.delete(bad.image.path)
    work()
    good.refresh_from_db()
    bad.refresh_from_db()
    assert good.state == Inversion.State.READY
    assert bad.state == Inversion.State.FAILED
    assert "Upload it again" in bad.reason
    assert inversion_progress(bad).text == bad.reason


def test_a_bundle_that_was_exchanged_is_refused_and_nothing_is_stored(
    tiny: Generator, tiny_folders: list[Path], ada: User, work: Work
) -> None:
    Generator.objects.filter(pk=tiny.pk).update(location=str(tiny_folders[1]), digest="ab" * 32)
    inversion = asked(ada, Generator.objects.get(pk=tiny.pk))
    work()
    inversion.refresh_from_db()
    assert inversion.state == Inversion.State.FAILED
    assert inversion.codes is None
    assert "not those that were registered" in inversion.reason


def test_codes_of_another_bundle_or_shape_are_never_stored(tiny: Generator, ada: User) -> None:
    inversion = asked(ada, tiny)
    right = np.zeros((tiny.num_layers, tiny.code_dim), np.float32)
    numbers: dict[str, Any] = {
        "error": 0.1,
        "psnr": 1.0,
        "lpips": 0.1,
        "steps": 1,
        "reconstruction": inversion.image,
    }
    for codes, digest in ((right, "0" * 64), (right[1:], tiny.digest)):
        with pytest.raises(ValueError, match="for tiny-0"):
            inversion_store(inversion=inversion, codes=codes, digest=digest, **numbers)
    inversion.refresh_from_db()
    assert inversion.codes is None


def test_codes_are_little_endian_float32_and_finite() -> None:
    codes = np.arange(6, dtype=np.float32).reshape(2, 3)
    data, shape = codes_pack(codes)
    assert (data[4:8], shape) == (b"\x00\x00\x80\x3f", [2, 3])
    np.testing.assert_array_equal(codes_unpack(data, shape), codes)
    with pytest.raises(ValueError, match="finite"):
        codes_pack(np.full((2, 3), np.nan))
    with pytest.raises(ValueError, match="reshape"):
        codes_unpack(data, [3, 3])


def test_a_failed_inversion_is_tried_again_when_somebody_asks_again(
    tiny: Generator, ada: User, work: Work
) -> None:
    inversion = asked(ada, tiny)
    path = inversion.image.path
    kept = default_storage.open(path).read()
    default_storage.delete(path)
    work()
    default_storage.save(path, io.BytesIO(kept))
    asked(ada, tiny)
    work()
    inversion.refresh_from_db()
    assert inversion.state == Inversion.State.READY


def test_progress_tells_place_and_steps(tiny: Generator, ada: User) -> None:
    first, second = asked(ada, tiny, seed=1), asked(ada, tiny, seed=2)
    assert inversion_progress(first).text == "next in line"
    assert inversion_progress(second).text == "1 ahead"
    assert inversion_progress(second).seconds is None  # nothing was ever measured here
    job = job_of(kind="inversion", key=str(first.pk))
    assert job is not None
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, progress=0.4)
    assert inversion_progress(first).text == f"step 12 of {STEPS}"
    assert inversion_progress(first).fraction == pytest.approx(0.4)


@pytest.mark.parametrize(("seconds", "words"), [(2, "about 5 s"), (38, "about 40 s"), (200, "about 3 min")])
def test_a_time_is_said_no_more_exactly_than_it_is_known(seconds: float, words: str) -> None:
    assert seconds_text(seconds) == words


def test_erasing_a_picture_takes_its_code_its_reconstruction_and_the_files(
    tiny: Generator, ada: User, work: Work, django_capture_on_commit_callbacks: Any
) -> None:
    inversion = asked(ada, tiny)
    work()
    inversion.refresh_from_db()
    assert inversion.reconstruction is not None
    files = [inversion.image.path, inversion.reconstruction.path]
    assert all(default_storage.exists(path) for path in files)
    with django_capture_on_commit_callbacks(execute=True):
        assert picture_erase(image=inversion.image)
    assert not Inversion.objects.exists()
    assert not StoredImage.objects.exists()
    assert not any(default_storage.exists(path) for path in files)


def test_the_worker_of_an_erased_picture_ends_quietly(tiny: Generator, ada: User, work: Work) -> None:
    inversion = asked(ada, tiny)
    key = str(inversion.pk)
    inversion.delete()
    work()
    job = job_of(kind="inversion", key=key)
    assert job is not None
    assert job.state == Job.State.DONE


def test_only_who_may_see_the_picture_may_see_its_inversion(
    tiny: Generator,
    ada: User,
    bob: User,
    work: Work,
    client: Client,
    headers: Callable[[User], dict[str, str]],
) -> None:
    inversion = asked(ada, tiny)
    work()
    address = f"/api/v1/inversions/{inversion.pk}/"
    mine = client.get(address, headers=headers(ada))
    assert mine.status_code == 200
    assert mine.json()["progress"]["state"] == "ready"
    assert "codes" not in mine.json()
    for stranger in (client.get(address, headers=headers(bob)), client.get(address)):
        assert stranger.status_code == 404
        assert stranger.json()["error"]["code"] == "inversion:not-found"


@pytest.mark.django_db(transaction=True)
def test_no_file_is_written_while_rows_are_locked(
    contribute: Callable[..., Any], work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storage behind a network must not be waited for in the transaction that saves the results."""
    contribute()
    save, inside = DurableFileSystemStorage.save, []

    def watched(self: Any, name: str, content: Any, **more: Any) -> str:
        inside.append(connection.in_atomic_block)
        return str(save(self, name, content, **more))

    monkeypatch.setattr(DurableFileSystemStorage, "save", watched)
    work()
    assert inside, "nothing was written"
    assert not any(inside)
    assert StoredImage.objects.filter(kind="derived").count() >= 4  # two reconstructions, two strips


@pytest.mark.django_db(transaction=True)
def test_a_result_that_is_lost_leaves_no_file(
    contribute: Callable[..., Any], work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    import inference
    from directions.pairs.services import pair_withdraw

    pair, invert = contribute(), inference.invert

    def and_meanwhile(*args: Any, **kwargs: Any) -> Any:
        result = invert(*args, **kwargs)
        pair_withdraw(pair=pair)
        return result

    monkeypatch.setattr(inference, "invert", and_meanwhile)
    work()
    root = Path(default_storage.location)  # type: ignore[attr-defined]
    assert not [path for path in root.rglob("*") if path.is_file()]
