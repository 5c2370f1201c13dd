"""The catalog: what is in it, in which order, found in spite of typos, in a constant number of queries."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from direction_commons.errors import NotFound, UserError
from directions.catalog.selectors import catalog_page, catalog_semantic
from tests.directions.studio_rows import a_generator, a_version

pytestmark = pytest.mark.django_db


def names(**asked: Any) -> list[str]:
    return [entry.semantic.name for entry in catalog_page(**asked).entries]


def test_each_sorting_is_its_own_order_and_demonstration_comes_after_real() -> None:
    generator = a_generator()
    a_version(generator, "smile", members=2, agreement=0.9)
    a_version(generator, "glasses", members=9, agreement=None)
    a_version(generator, "beard", members=4, agreement=0.5)
    a_version(generator, "age", members=50, agreement=0.99, demonstration=True)
    assert names(generator=generator, sort="pairs") == ["glasses", "beard", "smile", "age"]
    assert names(generator=generator, sort="agreement") == ["smile", "beard", "glasses", "age"]
    assert names(generator=generator, sort="newest") == ["beard", "glasses", "smile", "age"]
    assert names(generator=generator, sort="name") == ["age", "beard", "glasses", "smile"]


def test_a_real_series_stands_for_its_change_and_both_can_be_asked_for() -> None:
    generator = a_generator()
    a_version(generator, "smile", demonstration=True, members=20)
    a_version(generator, "hat", demonstration=True, members=5)
    a_version(generator, "smile", members=2)
    everything = catalog_page(generator=generator)
    assert [(e.semantic.name, e.demonstration, e.pairs) for e in everything.entries] == [
        ("smile", False, 2),
        ("hat", True, 5),
    ]
    assert everything.total == 2
    assert names(generator=generator, kind="real") == ["smile"]
    assert names(generator=generator, kind="demonstration") == ["smile", "hat"]


def test_other_generators_and_series_without_a_version_are_not_shown() -> None:
    generator, other = a_generator(), a_generator("other")
    a_version(other, "smile")
    series = a_version(generator, "hat").series
    series.latest = None
    series.save()
    assert catalog_page(generator=generator).total == 0
    assert names(generator=other) == ["smile"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("glases", "glasses"),
        ("SMILING", "smile"),
        ("eye brow", "eyebrows"),
        ("mustache", "moustache"),
        ("smi", "smile"),
    ],
)
def test_search_forgives_typos(typed: str, found: str) -> None:
    generator = a_generator()
    for change in ("glasses", "smile", "moustache", "eyebrows", "hat"):
        a_version(generator, change)
    hits = names(generator=generator, query=typed)
    assert found in hits
    assert len(hits) < 5, "a search that finds everything is none"


def test_search_for_what_is_not_there_finds_nothing() -> None:
    generator = a_generator()
    a_version(generator, "smile")
    assert names(generator=generator, query="zzzzqqq") == []


def test_the_best_hit_comes_first() -> None:
    generator = a_generator()
    a_version(generator, "hair colour", members=40)
    a_version(generator, "hair", members=2)
    a_version(generator, "hair length", members=30)
    assert names(generator=generator, query="hair", sort="relevance")[0] == "hair"


def test_pages_hold_everything_once_and_the_last_one_answers_for_those_beyond() -> None:
    generator = a_generator()
    for number in range(7):
        a_version(generator, f"change {number}", members=number + 1)
    pages = [catalog_page(generator=generator, page=page, page_size=3) for page in (1, 2, 3)]
    assert [len(page.entries) for page in pages] == [3, 3, 1]
    assert len({entry.series for page in pages for entry in page.entries}) == 7
    assert (pages[0].previous, pages[0].next, pages[2].next) == (None, 2, None)
    assert catalog_page(generator=generator, page=99, page_size=3).page == 3


def test_the_number_of_queries_does_not_grow(django_assert_num_queries: Any) -> None:
    generator = a_generator()
    for number in range(3):
        a_version(generator, f"change {number}")
    with django_assert_num_queries(6):
        few = catalog_page(generator=generator, page_size=50)
    for number in range(3, 40):
        a_version(generator, f"change {number}", demonstration=bool(number % 2))
    with django_assert_num_queries(7):
        many = catalog_page(generator=generator, page_size=50)
        assert all(entry.strip is not None and len(entry.intensities) == 5 for entry in many.entries)
    assert (len(few.entries), len(many.entries)) == (3, 40)


@pytest.mark.parametrize("asked", [{"sort": "best"}, {"kind": "fake"}, {"page": 0}, {"page_size": 101}])
def test_odd_wishes_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(UserError) as refused:
        catalog_page(generator=a_generator(), **asked)
    assert refused.value.code.startswith("catalog:")


def test_a_changes_page_has_strips_members_and_what_each_version_changed() -> None:
    generator = a_generator()
    a_version(generator, "smile", directions=["a", "b"])
    a_version(generator, "smile", directions=["a", "b", "c"], vector=False)
    a_version(generator, "smile", directions=["a", "c", "d"])
    a_version(generator, "smile", demonstration=True, members=12)
    found = catalog_semantic(slug="smile", generator=generator)
    assert found.real is not None
    assert found.demonstration is not None
    assert [(v.version.number, v.published, v.diff.added, v.diff.removed) for v in found.real.versions] == [
        (3, True, ["d"], ["b"]),
        (2, False, ["c"], []),
        (1, True, ["a", "b"], []),
    ]
    assert {member.direction for member in found.real.members} == {"a", "c", "d"}
    assert [strip.face for strip in found.real.strips] == [0, 1]
    assert found.demonstration.latest is not None
    assert found.demonstration.latest.num_members == 12


def test_an_unknown_change_is_not_found() -> None:
    with pytest.raises(NotFound):
        catalog_semantic(slug="never-named", generator=a_generator())


def test_the_api_answers_without_an_account(client: Client) -> None:
    generator = a_generator()
    version = a_version(generator, "smile")
    a_version(generator, "hat", demonstration=True)
    listed = client.get("/api/v1/catalog/", {"q": "smlie smile"}).json()
    assert listed["results"][0]["latest"]["id"] == version.pk
    assert client.get(listed["results"][0]["latest"]["strips"][0]["image"]).status_code == 200
    one = client.get("/api/v1/catalog/smile/").json()
    assert one["demonstration"] is None
    assert one["real"]["versions"][0]["num_members"] == 3
    refused = client.get("/api/v1/catalog/", {"sort": "best"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "catalog:sort")
    assert client.get("/api/v1/catalog/", {"page": "two"}).json()["error"]["code"] == "request:number"
    assert client.get("/api/v1/catalog/nothing/").status_code == 404


def test_the_catalog_and_the_community_give_one_thing_one_shape(client: Client) -> None:
    generator = a_generator()
    a_version(generator, "smile", directions=["a", "b"])
    version = a_version(generator, "smile", directions=["b", "c", "d"])
    (in_catalog,) = client.get("/api/v1/catalog/").json()["results"]
    (in_community,) = client.get("/api/v1/community/").json()["results"]
    assert in_catalog == in_community
    one = client.get("/api/v1/catalog/smile/").json()["real"]
    assert one["series"] == in_community
    versions = client.get(f"/api/v1/community/{in_community['id']}/versions/").json()["results"]
    assert one["versions"] == versions
    assert versions[0]["diff"] == {"since": 1, "added": ["c", "d"], "removed": ["a"]}
    detail = client.get(f"/api/v1/community/versions/{version.pk}/").json()
    assert one["members"] == detail["members"]
    assert {key: detail[key] for key in versions[0]} == versions[0]
    assert {key: detail[key] for key in in_community["latest"]} == in_community["latest"]


def test_a_changes_page_costs_the_same_however_many_versions_there_are(
    django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    generator = a_generator()
    a_version(generator, "smile")
    with django_assert_max_num_queries(9) as few:
        catalog_semantic(slug="smile", generator=generator)
    for number in range(5):
        a_version(generator, "smile", directions=[f"m{one}" for one in range(number + 1)])
    with django_assert_num_queries(len(few)):
        catalog_semantic(slug="smile", generator=generator)
