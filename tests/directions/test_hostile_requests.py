"""Requests that no page or client of ours sends: every one is refused with a 4xx, none is a fault of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from direction_commons.accounts.services import account_export
from direction_commons.jobs.models import Job
from directions.studio.models import Photo
from directions.studio.services import photo_create, recipe_save, sample_install
from tests.directions import studio_rows as rows

pytestmark = pytest.mark.django_db
JSON = "application/json"
DEEP = "[" * 100_000
WIDE = "&".join(f"field{n}=1" for n in range(2000))
REPLAY, TOKENS, CATALOG = "/api/v1/recipes/replay/", "/api/v1/tokens/", "/api/v1/catalog/"


@pytest.mark.parametrize(
    "address",
    [
        f"{CATALOG}?generator=%00",
        "/catalog/?generator=%00",
        "/catalog/?q=a%00b",
        "/api/v1/community/?change=%00",
        "/changes/a%00b/",
        "/media/00000000-0000-4000-8000-000000000000/?w=%00",
    ],
)
def test_an_address_with_a_zero_in_it_is_refused(client: Client, address: str) -> None:
    rows.a_generator()
    answer = client.get(address)
    assert answer.status_code == 400
    if address.startswith("/api/"):
        assert answer.json()["error"]["code"] == "request:bad"


@pytest.mark.parametrize(
    ("address", "body", "kind"),
    [
        (REPLAY, DEEP, JSON),
        (REPLAY, '{"format": "\\u0000"}', JSON),
        (TOKENS, '{"login": "\\ud800", "password": "x"}', JSON),
        (TOKENS, '{"login": {"\\u0000": 1}, "password": "x"}', JSON),
        (TOKENS, "{}", f"{JSON}; charset=nope"),
        (TOKENS, "[1]", JSON),
        (TOKENS, WIDE, "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(client: Client, address: str, body: str, kind: str) -> None:
    answer = client.generic("POST", address, body.encode(), content_type=kind)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"].startswith("request:")


def a_sample() -> Photo:
    rows.a_generator()
    return sample_install(sample="face", title="A face", data=rows.picture_bytes())[0]


def _preview(client: Client, address: str, body: str) -> Any:
    return client.generic("POST", address, body.encode(), content_type=JSON)


@pytest.mark.parametrize(
    "number", ["1e999", "-1e999", "NaN", "1" + "0" * 400, "-" + "9" * 4000, "true", "null"]
)
def test_an_intensity_that_is_no_number_or_too_large_a_one_is_refused(client: Client, number: str) -> None:
    photo = a_sample()
    body = f'{{"steps": [{{"kind": "community", "id": "1", "intensity": {number}}}]}}'
    for address in (f"/api/v1/photos/{photo.pk}/preview/", f"/studio/{photo.pk}/preview/"):
        answer = _preview(client, address, body)
        assert answer.status_code == 400, address
        assert answer.json()["error"]["code"] in ("studio:steps", "request:parse_error")


def test_looking_at_a_photo_on_a_generator_that_is_set_aside_queues_nothing(client: Client) -> None:
    photo = a_sample()
    aside = rows.a_generator("aside", is_active=False)
    queued = Job.objects.count()
    client.get(f"/api/v1/photos/{photo.pk}/?generator={aside.slug}")
    assert Job.objects.count() == queued


def test_the_export_names_photos_and_recipes() -> None:
    owner, generator = rows.a_person(), rows.a_generator()
    photo = photo_create(owner=owner, data=rows.picture_bytes(7), title="Me in May")
    rows.an_inversion(photo.image, generator)
    recipe = recipe_save(user=owner, photo=photo, generator=generator, steps=[])
    held = json.loads(json.dumps(account_export(user=owner)))["studio"]
    assert [row["title"] for row in held["photos"]] == ["Me in May"]
    assert [row["id"] for row in held["recipes"]] == [str(recipe.pk)]
    other = account_export(user=rows.a_person())["studio"]
    assert other == {"photos": [], "recipes": []}


def test_steps_that_are_nested_too_deeply_are_refused_by_the_page(client: Client) -> None:
    photo = a_sample()
    answer = _preview(client, f"/studio/{photo.pk}/preview/", DEEP)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "studio:steps")


def test_a_number_of_looks_that_no_counter_reaches_is_no_fault(client: Client) -> None:
    assert client.get(f"/demonstration/progress/?look={'9' * 5000}").status_code == 200


def test_a_session_without_its_csrf_token_is_told_what_is_missing() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(rows.a_person())
    answer = client.delete("/api/v1/me/", {"password": "x"}, JSON)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (403, "request:csrf")
    assert "X-CSRFToken" in error["todo"]


def test_a_number_of_thousands_of_digits_is_refused_in_words(client: Client) -> None:
    answer = client.generic("POST", TOKENS, f'{{"login": {"9" * 5000}}}', content_type=JSON)
    assert answer.status_code == 400
    assert "digits" in answer.json()["error"]["message"]
    assert "set_int_max" not in answer.content.decode()


def test_the_page_of_the_password_says_what_becomes_of_tokens(client: Client) -> None:
    client.force_login(rows.a_person())
    assert "API tokens stay" in client.get("/accounts/password/change/").content.decode()
