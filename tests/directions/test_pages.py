"""Pages of every room: who may see them, what they say in each state, and that they work without scripts.

Success and refusal stand on one setup. What a browser adds is tested in tests/browser/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from direction_commons.accounts.models import ApiToken, User
from directions.generators.models import Generator
from directions.inversions.models import Inversion
from directions.pairs.models import Direction, Pair
from directions.studio.models import Photo, Recipe
from directions.studio.services import photo_create, sample_install
from directions.studio.steps import MAX_STEPS
from tests.directions.domain_rows import a_face
from tests.directions.studio_rows import (
    L,
    a_direction,
    a_generator,
    a_person,
    a_version,
    an_inversion,
    picture_bytes,
)

JSON = {"Accept": "application/json"}


class Page(HTMLParser):
    """What a page says, and what a strict policy and a screen reader would mind."""

    VOID = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response
        self.inline: list[str] = []
        self.outside: list[str] = []
        self.images_without_alt: list[dict[str, str | None]] = []
        self.fields: dict[str, dict[str, str | None]] = {}
        self.labels: set[str] = set()
        self.unlabelled: list[dict[str, str | None]] = []
        self.headings: list[int] = []
        self.forms: list[dict[str, str | None]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self._pending: list[dict[str, str | None]] = []
        self.feed(response.content.decode())
        self.unlabelled = [
            field
            for field in self._pending
            if not (field.get("aria-label") or field.get("aria-labelledby") or field.get("id") in self.labels)
            and "in label" not in field
        ]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in self.VOID:
            self._open.append(tag)
        self.inline += [name for name in found if name == "style" or name.startswith("on")]
        if tag in ("script", "style") and "src" not in found:
            self.inline.append(tag)
        for name in ("src", "href", "action"):
            if re.match(r"(https?:)?//", found.get(name) or "") and tag != "a":
                self.outside.append(str(found[name]))
        if tag == "img" and "alt" not in found:
            self.images_without_alt.append(found)
        if tag == "label" and found.get("for"):
            self.labels.add(str(found["for"]))
        if tag == "form":
            self.forms.append(found)
        if tag in ("input", "select", "textarea") and found.get("type") not in ("hidden", "submit"):
            if "label" in self._open:
                found["in label"] = "yes"
            self._pending.append(found)
        if tag in ("input", "button", "select") and found.get("name"):
            self.fields[str(found["name"])] = found
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words)).replace(" .", ".")

    def check(self) -> Page:
        assert not self.inline, f"inline script or style: {self.inline}"
        assert not self.outside, f"outside requests: {self.outside}"
        assert not self.images_without_alt, f"images without alt: {self.images_without_alt}"
        assert not self.unlabelled, f"fields without a label: {self.unlabelled}"
        assert self.headings.count(1) == 1, f"headings {self.headings}"
        policy = self.response.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "style-src 'self'" in policy
        assert "unsafe" not in policy
        return self


def page(client: Client, address: str, status: int = 200, **more: Any) -> Page:
    response = client.get(address, **more)
    assert response.status_code == status, (address, response.status_code, response.content[:400])
    return Page(response)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def drawn(db: None) -> Generator:
    return a_generator(title="Drawn World", drawn_world=True, metric_weights=[1.0] * L)


@pytest.fixture
def owner(db: None) -> User:
    return a_person("olga")


@pytest.fixture
def other(db: None) -> User:
    return a_person("peer")


@pytest.fixture
def sample(drawn: Generator) -> Photo:
    photo, _ = sample_install(sample="ada", title="Ada", data=picture_bytes(1))
    an_inversion(photo.image, drawn)
    return photo


def upload(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="image/png")


# --- every page, for everybody --------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "home:home",
        "catalog:index",
        "studio:index",
        "generators:index",
        "evidence:index",
        "home:about",
        "account_login",
        "account_signup",
        "account_reset_password",
        "account_reset_password_done",
    ],
)
def test_open_pages_stand_for_anybody(drawn: Generator, name: str) -> None:
    assert page(Client(), reverse(name)).check()


@pytest.mark.parametrize(
    "name",
    [
        "home:me",
        "pairs:contribute",
        "accounts:delete",
        "account_change_password",
        "account_email",
        "account_logout",
    ],
)
def test_a_persons_pages_ask_to_sign_in(drawn: Generator, owner: User, name: str) -> None:
    page(signed_in(owner), reverse(name)).check()
    response = Client().get(reverse(name))
    assert response.status_code == 302
    if name != "account_logout":
        assert response.headers["Location"].startswith(reverse("account_login"))


def test_pages_are_empty_in_words(drawn: Generator, owner: User) -> None:
    client = signed_in(owner)
    assert "Nobody has contributed yet" in page(client, "/").text
    assert "The commons is empty" in page(client, "/catalog/").text
    assert "No contribution yet" in page(client, "/me/").text
    assert "still being prepared" in page(client, "/studio/").text


def test_without_a_generator_the_front_page_says_so(db: None) -> None:
    assert "No generator is registered yet" in page(Client(), "/", 503).check().text


def test_pages_say_that_the_world_is_drawn(drawn: Generator) -> None:
    assert "nobody in them exists" in page(Client(), "/catalog/").text
    Generator.objects.update(drawn_world=False)
    assert "nobody in them exists" not in page(Client(), "/catalog/").text


def test_an_absent_page_is_a_page(drawn: Generator) -> None:
    assert "There is nothing here" in page(Client(), "/nowhere/", 404).check().text
    assert "There is nothing here" in page(Client(), "/catalog/unnamed/", 404).check().text


def test_signed_out_an_absent_page_offers_to_sign_in_whether_it_exists_or_not(
    drawn: Generator, owner: User
) -> None:
    photo = photo_create(owner=owner, data=picture_bytes(11))
    for id in (photo.pk, uuid4()):
        address = reverse("studio:photo", args=[id])
        shown = page(Client(), address, 404).check()
        assert "Perhaps it is yours" in shown.text
        assert urlencode({"next": address}) in shown.response.content.decode()
    assert "Perhaps it is yours" not in page(signed_in(owner), "/nowhere/", 404).check().text


def test_a_failure_of_ours_is_a_page_with_a_reference(
    drawn: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **more: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("directions.catalog.views.catalog_page", broken)
    shown = page(Client(raise_request_exception=False), "/catalog/", 500).check()
    assert "This is our fault" in shown.text
    assert re.search(r"reference\s+[0-9A-F]{8}", shown.text)
    assert "secret detail" not in shown.text


def test_a_stale_form_is_explained(drawn: Generator, owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    response = client.post("/contribute/", {"change": "smile"})
    assert response.status_code == 403
    assert "older than your session" in Page(response).check().text


# --- the catalog ----------------------------------------------------------------------------------


def test_the_grid_shows_strips_badges_and_words(drawn: Generator) -> None:
    a_version(drawn, "smile", agreement=0.6)
    a_version(drawn, "hat", demonstration=True, agreement=None)
    shown = page(Client(), "/catalog/").check()
    assert "3 pairs by 3 contributors · strong agreement" in shown.text
    assert "demonstration" in shown.text
    assert "Hat" not in page(Client(), "/catalog/?kind=real").text
    assert "Nothing like “zebra”" in page(Client(), "/catalog/?q=zebra").text
    assert "Smile" in page(Client(), "/catalog/?q=smlie").text  # typos are forgiven


def test_the_grid_answers_htmx_with_results_only(drawn: Generator) -> None:
    a_version(drawn, "smile")
    headers = {"HX-Request": "true", "HX-Target": "results"}
    part = Client().get("/catalog/?q=smile", headers=headers).content.decode()
    assert part.lstrip().startswith('<section id="results"')
    assert "<html" not in part
    assert "<html" in Client().get("/catalog/?q=smile").content.decode()


def test_the_grid_refuses_odd_wishes_on_a_page(drawn: Generator) -> None:
    assert "catalog:sort" in page(Client(), "/catalog/?sort=odd", 400).check().text
    page(Client(), "/catalog/?page=9999999999999").check()


def test_the_grid_costs_the_same_however_long(drawn: Generator, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        a_version(drawn, f"change {number}")
    with django_assert_max_num_queries(9):
        assert "Page 1 of 2" in page(Client(), "/catalog/").text


def test_a_change_shows_versions_members_and_files(drawn: Generator, owner: User, other: User) -> None:
    shown, hidden = a_direction(owner, drawn, "smile"), a_direction(other, drawn, "smile")
    Pair.objects.filter(pk=shown.pair_id).update(pictures_public=True)
    for image in (shown.pair.before, shown.pair.after):
        assert image is not None
        image.public = True
        image.save()
    a_version(drawn, "smile", directions=[str(shown.pk)])
    version = a_version(drawn, "smile", directions=[str(shown.pk), str(hidden.pk)])
    found = page(Client(), "/catalog/smile/").check()
    content = found.response.content.decode()
    assert "1 pair came" in found.text
    assert str(shown.pair.before_id) in content
    assert str(hidden.pair.before_id) not in content
    assert f"/api/v1/community/versions/{version.pk}.safetensors" in content
    assert Client().get(f"/api/v1/community/versions/{version.pk}.safetensors").status_code == 200
    assert "olga" not in content


def test_pairs_that_point_elsewhere_are_called_out(drawn: Generator) -> None:
    a_version(
        drawn, "smile", cosines=(0.8, 0.7, 0.6, 0.3)
    )  # in the middle stands 0.65: 0.3 is below its half
    assert "1 pair points elsewhere" in page(Client(), "/catalog/smile/").check().text
    a_version(drawn, "smile", cosines=(0.8, 0.7, 0.6, 0.4))
    assert "elsewhere" not in page(Client(), "/catalog/smile/").check().text


def test_a_photo_of_another_world_is_marked_in_its_owners_list(drawn: Generator, owner: User) -> None:
    an_inversion(photo_create(owner=owner, data=picture_bytes(12)).image, drawn)
    assert "cannot be edited" not in page(signed_in(owner), "/me/").check().text
    foreign = photo_create(owner=owner, data=picture_bytes(13))
    an_inversion(foreign.image, drawn, out_of_domain=True)
    assert page(signed_in(owner), "/me/").check().text.count("cannot be edited") == 1


def test_a_change_without_its_vector_offers_no_files(drawn: Generator) -> None:
    a_version(drawn, "smile", vector=False)
    page(Client(), "/catalog/smile/", 404)  # nothing stands behind the name: neither files nor a pair
    a_direction(a_person(), drawn, "smile")
    found = page(Client(), "/catalog/smile/").check()
    assert ".safetensors" not in found.response.content.decode()
    assert "Try it on my photo" not in found.text
    assert "The next version is being averaged without it" in found.text


# --- contributing ---------------------------------------------------------------------------------


def test_a_form_without_scripts_contributes_and_the_result_is_followed(
    tiny: Generator, owner: User, other: User, work: Callable[[], int]
) -> None:
    client = signed_in(owner)
    form = page(client, "/contribute/?change=earrings").check()
    assert form.fields["change"]["value"] == "earrings"
    sent = {
        "change": "Earrings",
        "before": upload("b.png", a_face(3, earrings=0.0)),
        "after": upload("a.png", a_face(3, earrings=1.0)),
    }
    response = client.post("/contribute/", sent)
    pair = Pair.objects.get()
    address = reverse("pairs:contribution", args=[pair.pk])
    assert response.status_code == 302
    assert response.headers["Location"] == address
    assert not pair.pictures_public

    waiting = page(client, address).check()
    assert "Nobody but you sees the pictures" in waiting.text
    assert 'http-equiv="refresh"' in waiting.response.content.decode()  # without scripts, too
    part = client.get(f"{address}progress/").content.decode()
    assert part.lstrip().startswith('<section class="sheet stack" id="progress"')
    assert "hx-trigger" in part

    work()
    done = client.get(f"{address}progress/")
    assert done.headers["HX-Retarget"] == "#contribution"
    assert 'hx-get="' + address + "progress/" not in done.content.decode()
    final = page(client, address).check()
    assert "counts" in final.text
    assert "Use it in the studio now" in final.text
    assert "How good it is" in final.text
    assert "Yours is the first pair" in final.text
    assert 'http-equiv="refresh"' not in final.response.content.decode()

    for part_of_it in ("", "progress/", "community/"):
        page(signed_in(other), address + part_of_it, 404)
    assert Client().get(address).status_code == 302
    page(Client(), f"{address}progress/", 404)


def test_the_pace_of_looking_slows_down(
    tiny: Generator, owner: User, contribute: Callable[..., Pair]
) -> None:
    pair = contribute(user=owner)
    address = reverse("pairs:progress", args=[pair.pk])
    client = signed_in(owner)
    pauses = []
    for look in ("0", "1", "2", "3", "50", "-4", "nonsense"):
        part = client.get(address, {"look": look}).content.decode()
        pauses.append(re.findall(r"delay:(\d+)s", part)[0])
    assert pauses == ["1", "2", "3", "5", "5", "1", "1"]


def test_scripts_get_json_and_sending_again_makes_no_second_pair(tiny: Generator, owner: User) -> None:
    client = signed_in(owner)

    def send() -> Any:
        sent = {
            "change": "hat",
            "before": upload("b.png", a_face(5, hat=0.0)),
            "after": upload("a.png", a_face(5, hat=1.0)),
            "pictures_public": "on",
        }
        return client.post("/contribute/", sent, headers=JSON)

    first, second = send(), send()
    assert first.status_code == 200
    assert (
        first.json() == second.json() == {"url": reverse("pairs:contribution", args=[Pair.objects.get().pk])}
    )
    assert Pair.objects.get().pictures_public


@pytest.mark.parametrize(
    ("left_out", "words"),
    [
        ("change", "Say in a word or two what changed"),
        ("before", "Choose the picture before"),
        ("after", "Choose the picture after"),
    ],
)
def test_what_is_missing_is_said_and_the_rest_is_kept(
    tiny: Generator, owner: User, left_out: str, words: str
) -> None:
    client = signed_in(owner)
    sent: dict[str, Any] = {"change": "hat", "pictures_public": "on"}
    sent |= {"before": upload("b.png", a_face(5)), "after": upload("a.png", a_face(6))}
    del sent[left_out]
    response = client.post("/contribute/", sent)
    shown = Page(response).check()
    assert response.status_code == 400
    assert words in shown.text
    assert shown.fields["change"]["value"] == sent.get("change", "")
    assert "checked" in shown.fields["pictures_public"]
    assert not Pair.objects.exists()


def test_a_file_that_is_no_picture_is_refused_in_words(tiny: Generator, owner: User) -> None:
    client = signed_in(owner)
    sent = {
        "change": "hat",
        "before": upload("b.png", b"GIF89a, said somebody"),
        "after": upload("a.png", a_face(6)),
    }
    response = client.post("/contribute/", sent, headers=JSON)
    assert response.status_code >= 400
    assert response.json()["error"]["code"].startswith("media:")
    assert "before picture" in response.json()["error"]["message"]


def test_an_expired_session_tells_a_script_and_sends_a_person_to_sign_in(tiny: Generator) -> None:
    response = Client().post("/contribute/", {"change": "hat"}, headers=JSON)
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "request:unauthenticated"
    assert Client().post("/contribute/", {"change": "hat"}).status_code == 302


def test_a_pair_of_the_tray_is_contributed_with_one_button(tiny: Generator, owner: User) -> None:
    client = signed_in(owner)
    form = page(client, "/contribute/").check()
    key = form.fields["tray"]["value"]
    response = client.post("/contribute/", {"tray": key, "change": ""})
    assert response.status_code == 302
    assert Pair.objects.get().semantic.name
    assert client.post("/contribute/", {"tray": "no-such-pair"}).status_code == 404


def test_cancel_retry_withdraw_delete(tiny: Generator, owner: User, other: User, contribute: Any) -> None:
    pair = contribute(user=owner)
    client, stranger = signed_in(owner), signed_in(other)

    def post(what: str) -> str:
        address = reverse(f"pairs:{what}", args=[pair.pk])
        assert stranger.post(address).status_code == 404
        assert client.get(address).status_code == 405
        response = client.post(address, follow=True)
        assert response.status_code == 200
        return Page(response).text

    assert "You cancelled this contribution" in post("cancel")
    assert "Started again" in post("retry")
    assert "Nothing of this contribution failed" in post("retry")
    assert "Withdrawn: the pictures" in post("withdraw")
    assert "The contribution is deleted" in post("delete")
    assert not Pair.objects.exists()


def test_a_refused_pair_says_why_and_what_to_do(drawn: Generator, owner: User) -> None:
    quality = {"movement_over_null": 0.4, "change_kept": 0.1, "changed_fraction": 0.01}
    direction = a_direction(
        owner,
        drawn,
        state=Direction.State.REFUSED,
        verdict="same-picture",
        reason="Before and after are the same picture.",
        quality=quality,
        vector=None,
    )
    shown = page(signed_in(owner), reverse("pairs:contribution", args=[direction.pair_id])).check()
    assert "This pair does not count" in shown.text
    assert "Before and after are the same picture." in shown.text
    assert "Try with other pictures" in shown.text
    assert "Use it in the studio" not in shown.text
    assert "What was measured" in shown.text


def test_suggestions_come_while_typing(drawn: Generator) -> None:
    a_version(drawn, "glasses")
    found = Client().get("/changes/suggest/", {"q": "gla"}).json()
    assert [one["name"] for one in found["suggestions"]] == ["glasses"]
    assert Client().get("/changes/suggest/").json() == {"suggestions": []}


# --- the studio -----------------------------------------------------------------------------------


def test_my_sliders_are_mine_alone(drawn: Generator, owner: User, other: User, sample: Photo) -> None:
    own = a_direction(owner, drawn, "secret smile")
    version = a_version(drawn, "hat")
    a_version(drawn, "beard", demonstration=True)
    address = reverse("studio:photo", args=[sample.pk])
    mine = page(signed_in(owner), address).check()
    assert f"pair:{own.pk}" in mine.fields
    for client in (signed_in(other), Client()):
        theirs = page(client, address).check()
        assert f"pair:{own.pk}" not in theirs.fields
        assert f"community:{version.pk}" in theirs.fields
        assert "made-up people" in theirs.text
        assert "Secret smile" not in theirs.text


def test_the_address_places_sliders(drawn: Generator, sample: Photo) -> None:
    version = a_version(drawn, "hat")
    name = f"community:{version.pk}"
    address = reverse("studio:photo", args=[sample.pk])
    assert page(Client(), f"{address}?{name}=1.2").fields[name]["value"] == "1.2"
    assert page(Client(), f"{address}?{name}=99").fields[name]["value"] == "1.5"
    assert page(Client(), f"{address}?{name}=nan").fields[name]["value"] == "0"
    through = page(Client(), f"/studio/?{name}=1").response.content.decode()
    assert f"{address}?{name}=1" in through


def test_a_photo_is_its_owners(drawn: Generator, owner: User, other: User) -> None:
    response = signed_in(owner).post("/studio/", {"photo": upload("p.png", picture_bytes(7))})
    photo = Photo.objects.get(owner=owner)
    address = reverse("studio:photo", args=[photo.pk])
    assert response.headers["Location"] == address
    page(signed_in(owner), address).check()
    for client in (signed_in(other), Client()):
        for name in ("photo", "progress", "preview"):
            assert client.get(reverse(f"studio:{name}", args=[photo.pk])).status_code == 404, name
        for name in ("preview", "domain", "download", "recipe"):
            assert client.post(reverse(f"studio:{name}", args=[photo.pk])).status_code == 404, name
    assert signed_in(other).post(reverse("studio:delete", args=[photo.pk])).status_code == 404
    assert signed_in(owner).post(reverse("studio:delete", args=[photo.pk])).status_code == 302
    assert not Photo.objects.filter(owner=owner).exists()


def test_a_photo_without_a_file_or_session(drawn: Generator, owner: User) -> None:
    response = signed_in(owner).post("/studio/")
    assert response.status_code == 400
    assert "No picture was chosen" in Page(response).check().text
    assert Client().post("/studio/", headers=JSON).status_code == 401


@pytest.mark.parametrize(
    ("state", "more", "words"),
    [
        (Inversion.State.WAITING, {}, "Looking for this photo"),
        (Inversion.State.FAILED, {"reason": "Three attempts failed."}, "Three attempts failed."),
        (
            Inversion.State.READY,
            {"out_of_domain": True, "error": 0.9},
            "does not know this kind of picture",
        ),
    ],
)
def test_a_photo_that_cannot_be_edited_says_so(
    drawn: Generator, owner: User, state: str, more: dict[str, Any], words: str
) -> None:
    photo = photo_create(owner=owner, data=picture_bytes(9))
    an_inversion(photo.image, drawn, state=state, **more)
    address = reverse("studio:photo", args=[photo.pk])
    shown = page(signed_in(owner), address).check()
    assert words in shown.text
    assert not [name for name in shown.fields if name.startswith(("community:", "pair:"))]
    refused = signed_in(owner).post(reverse("studio:preview", args=[photo.pk]))
    assert refused.json()["error"]["code"] in (
        "studio:not-ready",
        "studio:photo-failed",
        "studio:out-of-domain",
    )


def test_a_preview_refuses_what_is_not_for_this_person(drawn: Generator, owner: User, sample: Photo) -> None:
    own = a_direction(owner, drawn)
    address = reverse("studio:preview", args=[sample.pk])
    body = json.dumps({"steps": [{"kind": "pair", "id": str(own.pk), "intensity": 1}]})
    refused = Client().post(address, body, content_type="application/json")
    assert refused.status_code == 404
    assert refused.json()["error"]["code"] == "direction:not-found"
    for broken in ("nonsense", "[1]", '{"steps": 3}'):
        response = Client().post(address, broken, content_type="application/json")
        assert response.status_code == 400
        assert response.json()["error"]["code"] == "studio:steps"


def test_a_recipe_comes_as_a_file(drawn: Generator, owner: User, sample: Photo) -> None:
    version = a_version(drawn, "hat")
    for client in (signed_in(owner), Client()):
        response = client.post(
            reverse("studio:recipe", args=[sample.pk]), {f"community:{version.pk}": "0.5", "other": "x"}
        )
        assert response.status_code == 200
        assert response.headers["Content-Disposition"] == 'attachment; filename="ada-edited-recipe.json"'
        assert response.json()["steps"][0]["intensity"] == 0.5
    assert not Recipe.objects.exists()  # a file is the person's; nothing is kept of it here


def test_the_front_pages_face_has_sliders_without_an_account(drawn: Generator, sample: Photo) -> None:
    assert "The first sliders are being made" in page(Client(), "/").check().text
    version = a_version(drawn, "hat")
    shown = page(Client(), "/").check()
    assert f"community:{version.pk}" in shown.fields
    assert "Most agreed on" in shown.text
    for html in (shown.response, Client().get(reverse("studio:photo", args=[sample.pk]))):
        assert f'data-max-steps="{MAX_STEPS}"' in html.content.decode()


# --- my page --------------------------------------------------------------------------------------


def test_a_token_is_shown_once(drawn: Generator, owner: User, other: User) -> None:
    client = signed_in(owner)
    shown = Page(client.post(reverse("accounts:token-create"), {"name": "script"}, follow=True)).check()
    text = re.findall(r"dc_[\w-]{20,}", shown.text)[0]
    assert Client().get("/api/v1/me/", headers={"Authorization": f"Bearer {text}"}).status_code == 200
    assert text not in page(client, "/me/").text
    token = ApiToken.objects.get(user=owner)
    address = reverse("accounts:token-delete", args=[token.pk])
    assert signed_in(other).post(address).status_code == 404
    assert client.post(address).status_code == 302
    assert not ApiToken.objects.exists()


def test_my_page_lists_what_is_mine(drawn: Generator, owner: User, other: User) -> None:
    a_direction(owner, drawn, "smile")
    a_direction(other, drawn, "hat")
    photo_create(owner=owner, data=picture_bytes(3), title="Portrait of me")
    shown = page(signed_in(owner), "/me/").check()
    assert "Smile" in shown.text
    assert "Portrait of me" in shown.text
    assert "Hat" not in shown.text
    exported = signed_in(owner).get(reverse("accounts:export"))
    assert exported.json()["accounts"]["username"] == "olga"


def test_deleting_the_account_wants_the_password(drawn: Generator, owner: User) -> None:
    client = signed_in(owner)
    address = reverse("accounts:delete")
    refused = client.post(address, {"password": "guessed"})
    assert refused.status_code == 403
    assert "not your password" in Page(refused).check().text
    assert client.post(address, {"password": "a long enough one"}).headers["Location"] == "/"
    assert not User.objects.filter(pk=owner.pk).exists()


def test_signing_up_and_out_by_form(drawn: Generator) -> None:
    client = Client()
    form = page(client, reverse("account_signup")).check()
    assert {"username", "email", "password1"} <= form.fields.keys()
    wrong = client.post(reverse("account_signup"), {"username": "nina", "email": "x", "password1": "short"})
    assert wrong.status_code == 200
    assert Page(wrong).check().fields["username"]["value"] == "nina"
    right = {"username": "nina", "email": "nina@example.org", "password1": "a long enough one"}
    assert client.post(reverse("account_signup"), right).status_code == 302
    assert "nina" in page(client, "/me/").text
    assert client.post(reverse("account_logout")).status_code == 302
    assert client.get("/me/").status_code == 302


def test_absent_things_are_404_for_everybody(drawn: Generator, owner: User) -> None:
    for name in ("pairs:contribution", "studio:photo", "pairs:progress", "studio:progress"):
        page(signed_in(owner), reverse(name, args=[uuid4()]), 404)
