"""Names of changes: one name is one row, odd names are refused, and typing finds what is meant."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from direction_commons.accounts.models import User
from direction_commons.accounts.services import account_delete
from direction_commons.errors import UserError
from directions.community.models import Series, Version
from directions.community.services import semantic_forget
from directions.pairs.models import Pair
from directions.pairs.services import pair_delete, pair_withdraw
from directions.semantics.models import Semantic
from directions.semantics.naming import name_normalise
from directions.semantics.selectors import semantic_suggest
from directions.semantics.services import semantic_get_or_create
from tests.directions.domain_rows import a_user


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Smile", "smile"),
        ("open mouth", "Open_Mouth"),
        ("open mouth", "open-mouth"),
        ("open mouth", "  open   mouth "),
        ("brow (raise)", "brow raise"),
        ("Straße", "STRASSE"),
        ("café", "café"),  # composed and decomposed
        ("ﬁne lines", "fine lines"),
    ],
)
@pytest.mark.django_db
def test_names_that_differ_only_in_writing_are_one_change(one: str, other: str) -> None:
    assert semantic_get_or_create(name=one, user=None) == semantic_get_or_create(name=other, user=None)
    assert Semantic.objects.count() == 1


@pytest.mark.django_db
def test_names_that_differ_are_two_with_addresses_of_their_own() -> None:
    first = semantic_get_or_create(name="facade", user=None)
    second = semantic_get_or_create(name="façade", user=None)
    third = semantic_get_or_create(name="улыбка", user=None)
    assert len({first.slug, second.slug, third.slug}) == 3
    assert all(semantic.slug.isascii() for semantic in (first, second, third))
    assert third.name == "улыбка"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "semantics:too-short"),
        ("a", "semantics:too-short"),
        ("- - -", "semantics:too-short"),
        ("1234", "semantics:too-short"),
        ("x" * 61, "semantics:too-long"),
        ("smile 😀", "semantics:characters"),
        ("smi\u202ele", "semantics:characters"),
        ("smile\x00", "semantics:characters"),
        ("smi\u200ble", "semantics:characters"),
        ("\u3164\u3164", "semantics:characters"),
        ("smile\ufe0f", "semantics:characters"),
        ("smi\u034fle", "semantics:characters"),
        ("<b>smile</b>", "semantics:characters"),
    ],
)
@pytest.mark.django_db
def test_a_name_that_cannot_be_one_is_refused_with_what_to_do(name: str, code: str) -> None:
    with pytest.raises(UserError) as refusal:
        semantic_get_or_create(name=name, user=None)
    assert refusal.value.code == code
    assert refusal.value.todo
    assert not Semantic.objects.exists()


@pytest.mark.django_db
def test_the_longest_name_fits_even_where_casefolding_lengthens_it() -> None:
    semantic = semantic_get_or_create(name="ß" * 60, user=None)
    assert semantic.normalised == "ss" * 60


@pytest.mark.django_db(transaction=True)
def test_many_people_name_one_change_at_once() -> None:
    names = ["Big Smile", "big smile", "big-smile", "BIG SMILE", "big_smile", "big  smile"]
    found: list[int] = []
    failed: list[BaseException] = []
    start = threading.Barrier(len(names))

    def name_it(name: str) -> None:
        try:
            start.wait(10)
            found.append(semantic_get_or_create(name=name, user=None).pk)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=name_it, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failed
    assert len(found) == len(names)
    assert len(set(found)) == 1
    assert Semantic.objects.count() == 1


NAMES = ["smile", "small nose", "glasses", "sun glasses", "long hair", "hair colour", "beard", "blond hair"]


@pytest.fixture
def named(db: None) -> None:
    """Each by a pair that somebody contributed: else nothing would stand behind the name."""
    person = a_user("namer")
    for name in NAMES:
        Pair.objects.create(semantic=semantic_get_or_create(name=name, user=person), contributor=person)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("smi", "smile"),
        ("smiling", "smile"),
        ("smlie", "smile"),
        ("glases", "glasses"),
        ("Glasses", "glasses"),
        ("beerd", "beard"),
        ("lnog hair", "long hair"),
        ("blonde hair", "blond hair"),
    ],
)
def test_typing_finds_what_is_meant_typos_and_all(named: None, typed: str, meant: str) -> None:
    assert semantic_suggest(typed)[0].name == meant


def test_a_word_in_the_middle_is_found_and_names_that_begin_so_come_first(named: None) -> None:
    found = [semantic.name for semantic in semantic_suggest("hair")]
    assert found[0] == "hair colour"
    assert set(found) >= {"long hair", "blond hair"}
    assert "sun glasses" in [semantic.name for semantic in semantic_suggest("glass")]


def test_suggestions_are_few_and_nothing_comes_of_nothing(named: None) -> None:
    assert semantic_suggest("") == semantic_suggest("  ") == semantic_suggest("%") == []
    assert semantic_suggest("zzzzqq") == []
    assert len(semantic_suggest("s", limit=2)) == 2


def test_a_percent_sign_or_underscore_is_no_pattern(named: None) -> None:
    assert semantic_suggest("%mile") == semantic_suggest("mile")
    assert name_normalise("a_b") == "a b"


def test_the_api_lists_searches_and_says_404(named: None, client: Client) -> None:
    everything = client.get("/api/v1/semantics/").json()
    assert everything["count"] == len(NAMES)
    assert client.get("/api/v1/semantics/?q=glases").json()["results"][0]["slug"] == "glasses"
    assert client.get("/api/v1/semantics/long-hair/").json()["name"] == "long hair"
    missing = client.get("/api/v1/semantics/no-such/")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "change:not-found"


# --- a name does not outlive what it was for ------------------------------------------------------


def found_anywhere(client: Client, name: str, slug: str) -> list[str]:
    """The public places that show this name."""
    places = (
        "/api/v1/semantics/",
        f"/api/v1/semantics/?q={name}",
        f"/changes/suggest/?q={name}",
        "/catalog/",
        f"/catalog/?q={name}&kind=real",
        f"/api/v1/catalog/?q={name}",
        "/api/v1/community/",
    )
    shown = (f'"{slug}"', f"/{slug}/")  # in JSON, and in a page's links
    found = [place for place in places if any(form in client.get(place).content.decode() for form in shown)]
    direct = (f"/api/v1/semantics/{slug}/", f"/catalog/{slug}/", f"/api/v1/catalog/{slug}/")
    return found + [place for place in direct if client.get(place).status_code != 404]


def test_a_name_is_found_from_its_first_pair_to_the_withdrawal_of_its_last(
    contribute: Callable[..., Pair], work: Callable[[], int], client: Client, bob: User
) -> None:
    slug = "scar-of-bob"
    mine = contribute("scar of Bob")
    assert found_anywhere(client, "scar of Bob", slug), "suggested from the first pair on"
    work()
    assert len(found_anywhere(client, "scar of Bob", slug)) == 10
    other = contribute("Scar of Bob", user=bob)
    pair_withdraw(pair=mine)
    work()
    assert found_anywhere(client, "scar of Bob", slug), "somebody else's pair is still there"
    pair_withdraw(pair=other)
    assert found_anywhere(client, "scar of Bob", slug) == []  # at once, before any worker has looked
    work()
    assert found_anywhere(client, "scar of Bob", slug) == []
    client.force_login(bob)
    assert "scar of bob" in client.get("/me/").content.decode().lower(), (
        "the list of one's own says what it was"
    )
    contribute("scar of bob")
    assert found_anywhere(client, "scar of Bob", slug)


def test_the_row_goes_with_the_last_pair_that_bears_it(
    contribute: Callable[..., Pair],
    work: Callable[[], int],
    bob: User,
    django_capture_on_commit_callbacks: Any,
) -> None:
    mine, other = contribute("scar of Bob"), contribute("scar of Bob", user=bob)
    work()
    with django_capture_on_commit_callbacks(execute=True):
        pair_delete(pair=mine)
    assert Semantic.objects.count() == 1
    pair_withdraw(pair=other)
    assert Semantic.objects.count() == 1, "the contributor's own list still names it"
    with django_capture_on_commit_callbacks(execute=True):
        pair_delete(pair=other)
    for model in (Semantic, Series, Version):
        assert not model.objects.exists()
    assert work() == 0
    contribute("scar of Bob")
    work()
    assert Version.objects.get().number == 1


def test_the_row_goes_with_the_account_of_the_only_one_who_used_it(
    contribute: Callable[..., Pair],
    work: Callable[[], int],
    ada: User,
    bob: User,
    django_capture_on_commit_callbacks: Any,
) -> None:
    contribute("scar of Ada")
    contribute("smile")
    contribute("smile", user=bob)
    work()
    with django_capture_on_commit_callbacks(execute=True):
        account_delete(user=ada)
    assert [semantic.name for semantic in Semantic.objects.all()] == ["smile"]


def test_a_name_that_a_pair_bears_is_not_forgotten(contribute: Callable[..., Pair]) -> None:
    pair = contribute("smile")
    assert not semantic_forget(semantic_id=pair.semantic_id)
    assert Semantic.objects.get().name == "smile"


@pytest.mark.django_db(transaction=True)
def test_a_name_is_not_forgotten_while_somebody_contributes_under_it() -> None:
    """The contributor has the name and not yet the pair when the other's last pair goes: it must wait."""
    person = a_user("late")
    semantic_get_or_create(name="smile", user=None)
    named, forgetting = threading.Event(), threading.Event()
    gone: list[bool] = []

    def forget(pk: int) -> None:
        try:
            named.wait(10)
            forgetting.set()
            gone.append(semantic_forget(semantic_id=pk))
        finally:
            connection.close()

    thread = threading.Thread(target=forget, args=(Semantic.objects.get().pk,))
    thread.start()
    with transaction.atomic():
        semantic = semantic_get_or_create(name="smile", user=person)
        named.set()
        forgetting.wait(10)
        thread.join(0.5)  # it would be through by now, did it not wait for us
        Pair.objects.create(semantic=semantic, contributor=person)
    thread.join(30)
    assert gone == [False]
    assert Pair.objects.get().semantic.name == "smile"
