"""Two requests meet on a thing that is being deleted: the second is told that it is gone, nothing breaks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from direction_commons.accounts import services as account_services
from direction_commons.accounts.models import User
from direction_commons.accounts.services import token_create
from directions.inversions.models import Inversion
from directions.pairs import services as pair_services
from directions.pairs.models import Pair
from directions.studio import services as studio_services
from directions.studio.models import Photo, Recipe
from tests.directions import studio_rows as rows

pytestmark = pytest.mark.django_db
JSON = "application/json"
Ahead = Callable[[Any, Callable[[], object]], None]


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> Ahead:
    """`ahead(services, delete)`: another request deletes just before this one gets the person's lock."""

    def arrange(services: Any, delete: Callable[[], object]) -> None:
        lock = services.person_lock

        def late(*, user: User) -> None:
            delete()
            lock(user=user)

        monkeypatch.setattr(services, "person_lock", late)

    return arrange


def a_client(user: User) -> Client:
    return Client(headers={"Authorization": f"Bearer {token_create(user=user, name='test')[1]}"})


def said(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(
    ("method", "tail", "body"),
    [
        ("DELETE", "", ""),
        ("PATCH", "", '{"pictures_public": true}'),
        ("POST", "cancel/", ""),
        ("POST", "retry/", ""),
        ("POST", "withdraw/", ""),
    ],
)
def test_a_pair_that_is_gone_meanwhile_is_not_found(ahead: Ahead, method: str, tail: str, body: str) -> None:
    owner, generator = rows.a_person(), rows.a_generator()
    pair = rows.a_direction(owner, generator).pair
    client = a_client(owner)
    ahead(pair_services, lambda: Pair.objects.filter(pk=pair.pk).delete())
    answer = client.generic(method, f"/api/v1/pairs/{pair.pk}/{tail}", body, content_type=JSON)
    assert said(answer) == (404, "pair:not-found")


def test_the_page_that_deletes_a_pair_twice_is_told_so(ahead: Ahead) -> None:
    owner, generator = rows.a_person(), rows.a_generator()
    pair = rows.a_direction(owner, generator).pair
    client = Client()
    client.force_login(owner)
    ahead(pair_services, lambda: Pair.objects.filter(pk=pair.pk).delete())
    assert client.post(f"/contributions/{pair.pk}/delete/").status_code == 404


@pytest.mark.parametrize(("method", "tail"), [("DELETE", ""), ("POST", "recipes/")])
def test_a_photo_that_is_gone_meanwhile_is_not_found(ahead: Ahead, method: str, tail: str) -> None:
    owner, generator = rows.a_person(), rows.a_generator()
    photo = Photo.objects.create(owner=owner, image=rows.a_picture(owner))
    rows.an_inversion(photo.image, generator)
    client = a_client(owner)
    ahead(studio_services, lambda: Photo.objects.filter(pk=photo.pk).delete())
    answer = client.generic(method, f"/api/v1/photos/{photo.pk}/{tail}", '{"steps": []}', content_type=JSON)
    assert said(answer) == (404, "photo:not-found")
    assert not Recipe.objects.exists()


def test_looking_at_a_photo_that_is_gone_meanwhile_queues_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = rows.a_person()
    rows.a_generator()
    photo = Photo.objects.create(owner=owner, image=rows.a_picture(owner))
    client, present = a_client(owner), studio_services._present

    def late(photo: Photo) -> Photo:
        Photo.objects.filter(pk=photo.pk).delete()
        return present(photo)

    monkeypatch.setattr(studio_services, "_present", late)
    assert said(client.get(f"/api/v1/photos/{photo.pk}/")) == (404, "photo:not-found")
    assert not Inversion.objects.exists()


def test_a_recipe_is_deleted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    owner, generator = rows.a_person(), rows.a_generator()
    photo = Photo.objects.create(owner=owner, image=rows.a_picture(owner))
    rows.an_inversion(photo.image, generator)
    client = a_client(owner)
    made = client.post(f"/api/v1/photos/{photo.pk}/recipes/", {"steps": []}, JSON).json()
    delete = Recipe.delete

    def late(recipe: Recipe, *args: Any, **more: Any) -> Any:
        Recipe.objects.filter(pk=recipe.pk).delete()
        return delete(recipe, *args, **more)

    monkeypatch.setattr(Recipe, "delete", late)
    assert said(client.delete(f"/api/v1/recipes/{made['id']}/")) == (404, "recipe:not-found")


def test_a_person_who_is_gone_meanwhile_is_nobody(ahead: Ahead) -> None:
    owner = rows.a_person("gone")
    owner.set_password("correct horse battery")
    owner.save()
    ahead(account_services, lambda: User.objects.filter(pk=owner.pk).delete())
    asked = {"login": "gone", "password": "correct horse battery"}
    assert said(Client().post("/api/v1/tokens/", asked, JSON)) == (401, "accounts:gone")


@pytest.mark.django_db(transaction=True)
def test_an_account_that_is_deleted_twice_at_once_is_deleted_once(ada: User) -> None:
    ada.set_password("correct horse battery")
    ada.save()
    clients = [a_client(ada) for _ in range(3)]

    def delete(client: Client) -> int:
        try:
            return client.delete("/api/v1/me/", {"password": "correct horse battery"}, JSON).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(delete, clients)) == [204, 401, 401]
    assert not User.objects.filter(pk=ada.pk).exists()
