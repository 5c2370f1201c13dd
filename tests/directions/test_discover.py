"""What finders found on a generator: found by a job, drawn, named or set aside by people, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from direction_commons.accounts.models import User
from direction_commons.accounts.services import account_delete, account_export
from direction_commons.errors import NotFound, UserError
from direction_commons.jobs.models import Job
from directions.community.models import Series
from directions.discover.access import access_component
from directions.discover.models import Component, Opinion
from directions.discover.selectors import component_load, search_of
from directions.discover.services import (
    FIND,
    components_request,
    opinion_name,
    opinion_reject,
    opinion_withdraw,
    verdict,
)
from directions.generators.models import Generator
from directions.pairs.models import Pair
from directions.semantics.models import Semantic
from directions.semantics.selectors import semantic_suggest
from tests.directions.conftest import without_torch
from tests.directions.discover_rows import a_component
from tests.directions.domain_rows import a_user
from tests.directions.studio_rows import a_generator, a_version

pytestmark = pytest.mark.django_db


def state_of(component: Component) -> tuple[str, str | None, int | None]:
    component.refresh_from_db()
    return component.state, component.semantic and component.semantic.name, component.end


# --- finding -------------------------------------------------------------------------------------------


def test_a_generator_that_comes_is_searched_and_its_strips_are_drawn(
    settings: Any, register: Callable[..., Generator], tiny_folders: Any, work: Callable[[], int]
) -> None:
    settings.DISCOVER_COMPONENTS = 2
    generator = register(tiny_folders[0])
    assert search_of(generator).searching
    work()
    found = Component.objects.filter(generator=generator).order_by("finder", "index")
    assert [(one.finder, one.index) for one in found] == [
        ("ganspace", 0),
        ("ganspace", 1),
        ("sefa", 0),
        ("sefa", 1),
    ]
    for one in found:
        assert (one.bundle_digest, one.seed, one.state) == (generator.digest, 0, "open")
        loaded = component_load(one)
        assert np.isclose(np.linalg.norm(loaded.vector), 1.0, atol=1e-5)
        assert loaded.step > 0
        assert one.options["components"] == 2
        assert [strip.intensities for strip in one.strips.all()] == [[-2, -1, 0, 1, 2]] * 4
        assert all(strip.image.width == 5 * strip.image.height for strip in one.strips.all())
    assert not Job.objects.exclude(state=Job.State.DONE).exists()
    search = search_of(generator)
    assert (search.shown, search.waiting, search.searching) == (4, 0, False)


def test_a_second_search_keeps_what_is_there_with_its_opinions(
    tiny: Generator, work: Callable[[], int], ada: User
) -> None:
    components_request(generator=tiny, count=1)
    work()
    first = Component.objects.get(finder="sefa")
    opinion_name(person=ada, component=first, change="smile", end="+")
    components_request(generator=tiny, count=2)
    work()
    assert Component.objects.count() == 4
    assert components_request(generator=tiny, count=2) == 0, "all is there"
    again = Component.objects.get(finder="sefa", index=0)
    assert (again.pk, again.vector_digest, again.num_names) == (first.pk, first.vector_digest, 1)


def test_a_component_that_is_not_drawn_yet_is_nobodys_to_see(client: Client) -> None:
    generator = a_generator()
    hidden = a_component(generator, drawn=False)
    with pytest.raises(NotFound):
        access_component(hidden.pk)
    assert client.get(f"/api/v1/components/{hidden.pk}/").status_code == 404
    page = client.get("/discover/").content.decode()
    assert "1 more is being drawn" in page
    assert "Being looked for" in page


def test_odd_searches_are_refused(tiny: Generator) -> None:
    with pytest.raises(UserError, match="components came") as refused:
        components_request(generator=tiny, count=tiny.code_dim + 1)
    assert refused.value.code == "discover:count"
    tiny.is_active = False
    tiny.save()
    with pytest.raises(UserError) as refused:
        components_request(generator=tiny, count=1)
    assert refused.value.code == "generators:inactive"
    with pytest.raises(CommandError, match="not in use"):
        call_command("discover", "--generator", tiny.slug, "-k", "1", stdout=StringIO())


def test_the_command_queues_once_and_nothing_when_nothing_is_wanted(settings: Any, tiny: Generator) -> None:
    said = StringIO()
    call_command("discover", stdout=said)
    assert said.getvalue() == f"{tiny.slug}: 0 jobs queued.\n"
    settings.DISCOVER_COMPONENTS = 3
    for _ in range(2):
        call_command("discover", stdout=said)
    assert Job.objects.filter(kind=FIND).count() == 1


def test_pages_and_command_load_no_torch() -> None:
    without_torch(
        "from directions.discover import api, views, handlers\n"
        "from directions.discover.management.commands import discover"
    )


# --- the rule ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ([], "open"),
        (["a+"], "open"),
        (["a+", "a+"], "named"),
        (["a+", "a-"], "open"),
        (["a+", "a+", "b+"], "named"),
        (["a+", "a+", "b+", "no"], "open"),
        (["a+", "a+", "no"], "named"),
        (["no"], "open"),
        (["no", "no"], "rejected"),
        (["no", "no", "a+"], "rejected"),
        (["no", "no", "a+", "b+"], "open"),
        (["a+", "a+", "no", "no"], "open"),
    ],
)
def test_two_must_agree_and_more_than_do_not(said: list[str], state: str) -> None:
    names = {"a": 1, "b": 2}
    votes = [(None, None) if one == "no" else (names[one[0]], 1 if one[1] == "+" else -1) for one in said]
    found = verdict(votes)
    assert found.state == state
    assert found.num_names + found.num_rejections == len(said)
    assert verdict(reversed(votes)).state == state


def test_how_many_must_agree_is_a_setting(settings: Any) -> None:
    settings.DISCOVER_AGREEING = 3
    assert verdict([(1, 1), (1, 1)]).state == "open"
    assert verdict([(1, 1), (1, 1), (1, 1)]).state == "named"


# --- saying --------------------------------------------------------------------------------------------


def test_one_voice_a_person_and_it_can_be_changed_and_taken_back(ada: User, bob: User) -> None:
    component = a_component(a_generator())
    opinion_name(person=ada, component=component, change="Smile", end="+")
    opinion_name(person=ada, component=component, change="smile", end="+")
    assert state_of(component) == ("open", None, None)
    opinion_name(person=bob, component=component, change=" SMILE ", end="+")
    assert state_of(component) == ("named", "Smile", 1)
    opinion_reject(person=bob, component=component)
    assert state_of(component) == ("open", None, None)
    opinion_reject(person=ada, component=component)
    assert state_of(component) == ("rejected", None, None)
    opinion_withdraw(person=ada, component=component)
    opinion_withdraw(person=bob, component=component)
    assert state_of(component) == ("open", None, None)
    with pytest.raises(NotFound):
        opinion_withdraw(person=bob, component=component)


def test_a_name_lives_as_long_as_somebody_says_it(
    ada: User, bob: User, django_capture_on_commit_callbacks: Any
) -> None:
    generator = a_generator()
    component = a_component(generator)
    with django_capture_on_commit_callbacks(execute=True):
        opinion_name(person=ada, component=component, change="a freckled nose", end="+")
        opinion_name(person=bob, component=component, change="a freckled nose", end="+")
    assert [one.name for one in semantic_suggest("a freckl")] == ["a freckled nose"]
    with django_capture_on_commit_callbacks(execute=True):
        opinion_withdraw(person=ada, component=component)
    assert Semantic.objects.filter(name="a freckled nose").exists(), "bob still says it"
    with django_capture_on_commit_callbacks(execute=True):
        opinion_name(person=bob, component=component, change="freckles", end="+")
    assert not Semantic.objects.filter(name="a freckled nose").exists()
    assert state_of(component)[0] == "open"


def test_a_pairs_name_outlives_the_pair_while_a_component_bears_it(
    ada: User, bob: User, django_capture_on_commit_callbacks: Any, contribute: Callable[..., Pair]
) -> None:
    from directions.pairs.services import pair_delete

    pair = contribute("dimples")
    component = a_component(pair.directions.first().generator)
    opinion_name(person=bob, component=component, change="dimples", end="-")
    with django_capture_on_commit_callbacks(execute=True):
        pair_delete(pair=pair)
    assert Semantic.objects.filter(name="dimples").exists()


def test_an_account_takes_its_opinions_along(ada: User, bob: User) -> None:
    component, other = (a_component(a_generator(f"g{number}")) for number in range(2))
    for person in (ada, bob):
        opinion_name(person=person, component=component, change="smile", end="-")
    opinion_reject(person=ada, component=other)
    told = account_export(user=ada)["discover"]
    assert [(row["change"], row["end"], row["rejected"]) for row in told] == [
        ("smile", "-", False),
        (None, None, True),
    ]
    assert state_of(component)[0] == "named"
    account_delete(user=ada)
    assert state_of(component)[0] == "open"
    other.refresh_from_db()
    assert (component.num_names, other.num_rejections) == (1, 0)
    assert Opinion.objects.count() == 1


def test_no_pair_and_no_series_comes_of_it(ada: User, bob: User) -> None:
    generator = a_generator()
    version = a_version(generator, "smile", members=3)
    component = a_component(generator)
    for person in (ada, bob):
        opinion_name(person=person, component=component, change="smile", end="+")
    assert not Pair.objects.exists()
    assert Series.objects.count() == 1
    version.refresh_from_db()
    assert version.num_members == 3
    assert not Job.objects.filter(kind="refresh").exists()


# --- the API -------------------------------------------------------------------------------------------


def say(client: Client, component: Component, body: dict[str, Any], **more: Any) -> Any:
    return client.put(
        f"/api/v1/components/{component.pk}/opinion/", body, content_type="application/json", **more
    )


def test_the_api_does_all_of_it(client: Client, ada: User, bob: User, headers: Callable[..., Any]) -> None:
    generator = a_generator()
    component, other = a_component(generator), a_component(generator, finder="ganspace")
    as_ada, as_bob = headers(ada), headers(bob)
    one = say(client, component, {"change": "Smile", "end": "-"}, headers=as_ada).json()
    assert one["mine"]["change"] == "Smile"
    assert (one["state"], one["change"], one["agreeing"]) == ("open", None, 1)
    one = say(client, component, {"change": "smile", "end": "-"}, headers=as_bob).json()
    assert (one["state"], one["slug"], one["end"]) == ("named", "smile", "-")
    assert one["names"] == [{"change": "Smile", "slug": "smile", "end": "-", "people": 2}]
    assert one["provenance"]["bundle_digest"] == generator.digest
    assert client.get(one["strips"][0]["image"]).status_code == 200

    say(client, other, {"rejected": True}, headers=as_ada)
    say(client, other, {"rejected": True}, headers=as_bob)
    listed = client.get("/api/v1/components/").json()
    assert [row["id"] for row in listed["results"]] == [str(component.pk)], "set aside: left out"
    assert listed["results"][0]["mine"] is None
    for which, finder, count in [("all", "", 2), ("rejected", "", 1), ("named", "sefa", 1), ("open", "", 0)]:
        found = client.get("/api/v1/components/", {"which": which, "finder": finder}).json()
        assert found["count"] == count, which
    assert client.get("/api/v1/components/", {"change": "smile"}).json()["count"] == 1

    gone = client.delete(f"/api/v1/components/{component.pk}/opinion/", headers=as_ada)
    assert (gone.status_code, gone.json()["state"], gone.json()["mine"]) == (200, "open", None)
    again = client.delete(f"/api/v1/components/{component.pk}/opinion/", headers=as_ada)
    assert (again.status_code, again.json()["error"]["code"]) == (404, "opinion:not-found")


def test_the_api_refuses_in_words(
    client: Client, ada: User, headers: Callable[..., Any], settings: Any
) -> None:
    component = a_component(a_generator())
    assert say(client, component, {"change": "smile"}).status_code == 401
    mine = headers(ada)
    for body, code in [
        ({}, "discover:opinion"),
        ({"change": "smile", "rejected": True}, "discover:opinion"),
        ({"change": "smile", "end": "up"}, "discover:end"),
        ({"change": "🙂"}, "semantics:characters"),
        ({"change": "x"}, "semantics:too-short"),
        ({"change": "long " * 30}, "semantics:too-long"),
        ({"change": ["smile"]}, "request:invalid"),
    ]:
        refused = say(client, component, body, headers=mine)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, code), body
    assert not Opinion.objects.exists()
    assert client.get("/api/v1/components/", {"which": "best"}).json()["error"]["code"] == "discover:which"
    assert client.get("/api/v1/components/", {"finder": "magic"}).json()["error"]["code"] == "discover:finder"
    assert client.get("/api/v1/components/", {"change": "unheard"}).status_code == 404
    assert client.get("/api/v1/components/00000000-0000-0000-0000-000000000000/").status_code == 404
    settings.THROTTLES = {**settings.THROTTLES, "opinions": "1/min"}
    from django.core.cache import cache

    cache.clear()
    assert say(client, component, {"rejected": True}, headers=mine).status_code == 200
    refused = say(client, component, {"rejected": True}, headers=mine)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "request:throttled")


def test_a_file_says_where_it_is_from_and_points_to_its_name(
    client: Client, ada: User, bob: User, tmp_path: Any
) -> None:
    from inference.finders.component import Component as LibraryComponent

    generator = a_generator(metric_weights=[1.0, 2.0, 3.0])
    component = a_component(generator, index=2)
    address = f"/api/v1/components/{component.pk}"

    def fetched(extension: str) -> LibraryComponent:
        answer = client.get(f"{address}.{extension}")
        assert answer.status_code == 200
        path = tmp_path / f"file.{extension}"
        path.write_bytes(answer.content)
        return LibraryComponent.load(path)

    found = fetched("npz")
    assert client.get(f"{address}.npz")["Content-Disposition"] == 'attachment; filename="sefa-03.npz"'
    for person in (ada, bob):
        opinion_name(person=person, component=component, change="smile", end="-")
    turned = fetched("safetensors")
    assert np.allclose(turned.vector, -found.vector)
    assert (turned.finder, turned.index, turned.seed, turned.digest) == ("sefa", 2, 0, generator.digest)
    assert turned.options == {"components": 10, "layers": None, "normalize": True}
    body = client.get(f"{address}.json")
    assert body["Content-Disposition"] == 'attachment; filename="smile-sefa-03.json"'
    assert np.allclose(body.json()["vector"], turned.vector)
    assert (body.json()["change"], "mine" in body.json()) == ("smile", False)
    assert client.get(f"{address}.pkl").status_code == 404


def test_a_page_of_the_list_costs_the_same_however_many_there_are(
    client: Client, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    generator = a_generator()
    a_component(generator)
    with django_assert_max_num_queries(8) as few:
        client.get("/api/v1/components/")
    for number in range(5):
        component = a_component(generator)
        opinion_name(person=a_user(f"p{number}"), component=component, change=f"change {number}", end="+")
    with django_assert_num_queries(len(few)):
        assert client.get("/api/v1/components/").json()["count"] == 6


# --- the pages -----------------------------------------------------------------------------------------


def test_the_page_shows_all_and_asks_strangers_to_sign_in(client: Client, ada: User, bob: User) -> None:
    generator = a_generator()
    components = [a_component(generator, index=number) for number in range(8)]
    for person in (ada, bob):
        opinion_reject(person=person, component=components[0])
    page = client.get("/discover/").content.decode()
    assert "SeFa 2" in page
    assert "SeFa 1<" not in page
    assert "Sign in to name it" in page
    assert 'name="say"' not in page
    assert "set aside: people saw nothing" not in page, "that stands at the end"
    last = client.get("/discover/", {"page": 2, "which": "unsettled", "finder": "sefa"}).content.decode()
    assert "1 more is set aside" in last
    assert 'href="/discover/?which=rejected"' in last
    aside = client.get("/discover/", {"which": "rejected"}).content.decode()
    assert "SeFa 1<" in aside
    answer = client.post(f"/discover/{components[1].pk}/opinion/", {"say": "nothing"})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=")
    assert client.get("/discover/", {"which": "best"}).status_code == 400


def test_a_form_without_scripts_names_and_comes_back_to_where_it_stood(client: Client, ada: User) -> None:
    component = a_component(a_generator())
    client.force_login(ada)
    form = {"say": "name", "change": "smile", "end": "-", "here": "/discover/?page=1"}
    answer = client.post(f"/discover/{component.pk}/opinion/", form)
    assert answer["Location"] == f"/discover/?page=1#component-{component.pk}"
    page = client.get("/discover/").content.decode()
    assert "to you it is “smile”" in page
    assert "You say: <strong>smile</strong>, towards −." in page
    refused = client.post(f"/discover/{component.pk}/opinion/", {**form, "change": "x"}, follow=True)
    assert "is no name" in refused.content.decode()
    elsewhere = {"say": "withdraw", "here": "//evil.example/discover/"}
    answer = client.post(f"/discover/{component.pk}/opinion/", elsewhere)
    assert answer["Location"] == f"/discover/{component.pk}/#component-{component.pk}"
    assert not Opinion.objects.exists()


@pytest.mark.parametrize("address", ["/discover/?finder=%00", "/api/v1/components/?change=%00"])
def test_what_no_text_holds_finds_nothing(client: Client, address: str) -> None:
    a_component(a_generator())
    assert client.get(address).status_code in (400, 404)


def test_a_script_gets_the_card_back(client: Client, ada: User) -> None:
    component = a_component(a_generator())
    address = f"/discover/{component.pk}/opinion/"
    signed_out = client.post(address, {"say": "nothing"}, headers={"HX-Request": "true"})
    assert signed_out["HX-Redirect"].startswith("/accounts/login/")
    client.force_login(ada)
    asked = {"headers": {"HX-Request": "true"}}
    card = client.post(address, {"say": "name", "change": "smile", "end": "+"}, **asked).content.decode()
    assert 'data-announce="Noted: to you it is “smile”."' in card
    assert card.lstrip().startswith("<article")
    wrong = client.post(address, {"say": "name", "change": "x", "end": "-"}, **asked).content.decode()
    assert 'role="alert"' in wrong
    assert 'value="x"' in wrong
    assert Opinion.objects.get().semantic.name == "smile"


def test_one_component_has_a_page_with_its_provenance(client: Client) -> None:
    generator = a_generator()
    component = a_component(generator, faces=4)
    page = client.get(f"/discover/{component.pk}/").content.decode()
    assert page.count('class="strip-five"') == 4
    assert generator.digest in page
    assert component.vector_digest in page
    assert "never averaged with directions from pairs" in page
    assert client.get("/discover/00000000-0000-0000-0000-000000000000/").status_code == 404


def test_the_page_says_what_there_is_when_there_is_nothing(client: Client, ada: User, bob: User) -> None:
    generator = a_generator()
    assert "Nothing was looked for yet" in client.get("/discover/").content.decode()
    lost = a_component(generator, drawn=False, failed="The faces are gone.")
    page = client.get("/discover/").content.decode()
    assert "1 could not be drawn and is left out" in page
    lost.delete()
    component = a_component(generator)
    for person in (ada, bob):
        opinion_reject(person=person, component=component)
    assert "All set aside" in client.get("/discover/").content.decode()
    assert "Nothing has a name yet" in client.get("/discover/", {"which": "named"}).content.decode()


# --- when something goes wrong, and at once ----------------------------------------------------------------


def test_strips_that_cannot_be_drawn_are_told_and_tried_again(
    tiny: Generator, work: Callable[[], int], monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    from directions.inversions import runtime

    components_request(generator=tiny, count=1)
    reading = runtime.bundle_for
    looked: list[int] = []

    def unreadable_later(generator: Generator) -> Any:
        looked.append(generator.pk)
        if len(looked) > 1:  # the finders can still read it
            raise UserError("generators:bundle-unreadable", "The files cannot be read.", status=503)
        return reading(generator)

    monkeypatch.setattr(runtime, "bundle_for", unreadable_later)
    work()
    assert [one.failed for one in Component.objects.all()] == ["The files cannot be read."] * 2
    page = client.get("/discover/").content.decode()
    assert "2 could not be drawn and are left out" in page
    monkeypatch.setattr(runtime, "bundle_for", reading)
    assert components_request(generator=tiny, count=1) == 2, "only the strips"
    assert (search_of(tiny).waiting, search_of(tiny).failed) == (2, 0)
    work()
    assert [one.failed for one in Component.objects.all()] == ["", ""]
    assert search_of(tiny).shown == 2


@pytest.mark.django_db(transaction=True)
def test_two_people_who_speak_at_once_are_both_counted() -> None:
    component = a_component(a_generator())
    people = [a_user(f"person{number}") for number in range(4)]

    def speak(person: User) -> None:
        try:
            opinion_name(person=person, component=component, change="smile", end="+")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(speak, people))
    assert state_of(component) == ("named", "smile", 1)
    assert (component.num_agreeing, component.num_names) == (4, 4)
