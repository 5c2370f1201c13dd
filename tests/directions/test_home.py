"""The front page says only what it knows."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.directions.studio_rows import a_generator, a_version


@pytest.mark.django_db
def test_most_agreed_on_shows_only_changes_with_pairs_enough_to_agree() -> None:
    generator = a_generator()
    a_version(generator, "smile", agreement=None, members=1)
    page = Client().get("/").content.decode()
    assert "Newest" in page
    assert "Most agreed on" not in page
    a_version(generator, "glasses", agreement=0.6)
    page = Client().get("/").content.decode()
    agreed, newest = page.split('id="agreed"')[1].split('id="newest"')
    assert "/catalog/glasses/" in agreed
    assert "/catalog/smile/" not in agreed
    assert "/catalog/smile/" in newest


@pytest.mark.django_db
def test_an_empty_commons_asks_for_the_first_pair() -> None:
    a_generator()
    page = Client().get("/").content.decode()
    assert "Nobody has contributed yet" in page
    assert "Newest" not in page
