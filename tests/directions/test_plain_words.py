"""Pages speak plainly first: numbers stand in one closed part, warnings before it, and names tell apart."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from direction_commons.accounts.models import User
from directions.community.words import points_elsewhere
from directions.generators.models import Generator
from directions.pairs.models import Direction
from directions.pairs.selectors import pair_progress
from directions.pairs.verdicts import FOREIGN, SAME, UNRELATED, plain_verdict
from directions.pairs.words import MOST_KEPT, little_kept, quality_rows
from directions.studio.services import photo_create, sample_install
from tests.directions.studio_rows import (
    L,
    a_direction,
    a_generator,
    a_person,
    a_version,
    an_inversion,
    picture_bytes,
)

JARGON = re.compile(r"ρ|cosine|latent|digest|resultant|effect metric|null floor|\bdB\b|\d\.\d{2}")


@pytest.fixture
def generator(db: None) -> Generator:
    return a_generator("first-one", title="Drawn World", drawn_world=True, metric_weights=[1.0] * L)


@pytest.fixture
def ada(db: None) -> User:
    return a_person("ada")


def shown_to(user: User | None, address: str) -> tuple[str, str]:
    """The words of a page's main part before its details, and those of the details."""
    client = Client()
    if user is not None:
        client.force_login(user)
    response = client.get(address)
    assert response.status_code == 200, (address, response.content[:300])
    main = response.content.decode().partition("<main")[2].partition("</main>")[0]
    first, _, details = main.partition('<details class="details">')
    return _words(first), _words(details)


def _words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_a_result_is_told_without_numbers_which_stand_in_its_details(generator: Generator, ada: User) -> None:
    quality = {
        "change_kept": 0.9,
        "movement_over_null": 6.5,
        "changed_fraction": 0.1,
        "error_inside": 0.02,
        "error_outside": 0.02,
    }
    direction = a_direction(ada, generator, quality=quality)
    first, details = shown_to(ada, reverse("pairs:contribution", args=[direction.pair_id]))
    assert "Nearly all of it is kept" in first
    assert not JARGON.search(first), JARGON.search(first)
    assert "90 % of the change" in details
    assert "6.5 ×" in details
    assert direction.generator.digest in details


def test_a_changes_page_is_told_without_numbers_which_stand_in_its_details(generator: Generator) -> None:
    a_version(generator, "smile", agreement=0.61, cosines=(0.8, 0.7, 0.6))
    first, details = shown_to(None, "/catalog/smile/")
    assert "strong agreement" in first
    assert not JARGON.search(first), JARGON.search(first)
    assert "0.610" in details
    assert generator.digest in details


@pytest.mark.parametrize("verdict", [SAME, UNRELATED, FOREIGN])
def test_a_refusal_is_told_without_numbers_which_stand_in_its_details(
    generator: Generator, ada: User, verdict: str
) -> None:
    direction = a_direction(
        ada,
        generator,
        state=Direction.State.REFUSED,
        verdict=verdict,
        reason="The code moves by 0.123, and 0.456 was wanted.",
        quality={"movement_over_null": 0.4, "changed_fraction": 0.9, "verdict": verdict},
        vector=None,
    )
    first, details = shown_to(ada, reverse("pairs:contribution", args=[direction.pair_id]))
    assert plain_verdict(verdict=verdict, generator=generator)[:60] in first
    assert not JARGON.search(first), JARGON.search(first)
    assert "The code moves by 0.123" in details


@pytest.mark.parametrize(
    ("kept", "said"),
    [(0.05, "a trace"), (0.25, "a quarter"), (0.35, "a third"), (0.5, "half"), (0.64, "two thirds")],
)
def test_a_pair_of_which_little_is_kept_carries_a_warning_and_counts(
    generator: Generator, ada: User, kept: float, said: str
) -> None:
    direction = a_direction(ada, generator, quality={"change_kept": kept, "movement_over_null": 6.0})
    first, _ = shown_to(ada, reverse("pairs:contribution", args=[direction.pair_id]))
    assert f"{said} of your change" in first
    assert "Look at the strip before you rely on it" in first
    assert "counts" in first
    notes = pair_progress(direction.pair).notes  # what the API says
    assert len(notes) == 1
    assert f"{said} of your change" in notes[0]


def test_where_the_warning_ends() -> None:
    assert "two thirds" in little_kept({"change_kept": MOST_KEPT - 0.01})
    assert little_kept({"change_kept": MOST_KEPT}) == ""
    assert little_kept({"change_kept": None}) == ""
    assert [row.level for row in quality_rows({"change_kept": MOST_KEPT})] == ["good"]


def test_a_pair_elsewhere_is_one_far_below_the_pair_in_the_middle() -> None:
    assert points_elsewhere(0.3, [0.8, 0.7, 0.3])
    assert not points_elsewhere(0.4, [0.8, 0.7, 0.4])
    assert not points_elsewhere(0.1, [0.8, 0.1])  # of two, neither is the odd one


def test_photos_are_called_by_when_they_came_and_samples_by_name(generator: Generator, ada: User) -> None:
    photo = photo_create(owner=ada, data=picture_bytes(12))
    sample, _ = sample_install(sample="bo", title="Bo", data=picture_bytes(1))
    assert re.fullmatch(r"Photo of \d{1,2} [A-Z][a-z]+, \d\d:\d\d", photo.name)
    assert sample.name == "Bo"
    for address in ("/me/", "/studio/"):
        assert photo.name in shown_to(ada, address)[0]


def test_the_studios_list_marks_what_cannot_be_edited(generator: Generator, ada: User) -> None:
    an_inversion(photo_create(owner=ada, data=picture_bytes(12)).image, generator)
    assert "cannot be edited" not in shown_to(ada, "/studio/")[0]
    an_inversion(photo_create(owner=ada, data=picture_bytes(13)).image, generator, out_of_domain=True)
    assert shown_to(ada, "/studio/")[0].count("cannot be edited") == 1


def test_generators_of_one_title_are_told_apart(generator: Generator) -> None:
    assert generator.slug not in shown_to(None, "/generators/")[0]
    twin = a_generator("twin", title=generator.title)
    words, _ = shown_to(None, "/catalog/")
    assert f"{generator.title} ({generator.slug})" in words
    assert f"{twin.title} ({twin.slug})" in words
    assert f"{generator.title} {generator.slug}" in shown_to(None, "/generators/")[0]


def test_who_forgot_a_password_is_told_where_the_mail_goes(db: None, settings: object) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"  # type: ignore[attr-defined]
    assert "logs/web.log" in shown_to(None, "/accounts/password/reset/")[0]
    assert "logs/web.log" in shown_to(None, "/accounts/password/reset/done/")[0]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
    assert "logs/web.log" not in shown_to(None, "/accounts/password/reset/")[0]
    assert "junk folder" in shown_to(None, "/accounts/password/reset/done/")[0]
