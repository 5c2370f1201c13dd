"""People: signing up and in, tokens, throttles, deletion; the demonstration's people at every door."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import LazySettings
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.signals import pre_delete
from django.test import Client, RequestFactory

from direction_commons.accounts import services
from direction_commons.accounts.models import ApiToken, Usage, User
from direction_commons.accounts.quotas import quota_check, quota_spend, usage_forget
from direction_commons.api.throttles import client_of, throttle
from direction_commons.errors import UserError
from direction_commons.jobs.models import Job
from direction_commons.jobs.services import job_enqueue
from direction_commons.media.models import StoredImage
from direction_commons.media.services import image_intake

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
NEW = {"username": "grace", "email": "Grace@Example.org", "password": PASSWORD}
Bearer = Callable[[User], dict[str, str]]


def post(client: Client, url: str, body: dict[str, Any], **more: Any) -> Any:
    return client.post(url, body, content_type="application/json", **more)


# --- the API's doors -----------------------------------------------------------------------------------


def test_signing_up_gives_a_token_that_works(client: Client) -> None:
    answer = post(client, "/api/v1/accounts/", NEW)
    assert answer.status_code == 201, answer.content
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    me = client.get("/api/v1/me/", headers=headers).json()
    assert (me["username"], me["email"]) == ("grace", "grace@example.org")
    user = User.objects.get()
    assert user.check_password(PASSWORD)
    assert PASSWORD not in answer.content.decode()
    token = ApiToken.objects.get()
    assert answer.json()["token"] not in (token.digest, token.prefix)
    assert len(token.digest) == 64
    assert token.last_used_at is not None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"username": "ADA"}, "user name"),
        ({"username": "demo-grace"}, "kept for the program"),
        ({"username": "operator"}, "kept for the program"),
        ({"username": "ｄｅｍｏ-grace"}, "kept for the program"),
        ({"username": "Ａｄａ"}, "user name"),
        ({"email": "demo-grace@demonstration.invalid"}, "e-mail"),
        ({"username": "a b/../c"}, "user name"),
        ({"email": "ADA@example.org"}, "e-mail"),
        ({"password": "short"}, "password"),
        ({"password": "1234567890"}, "password"),
        ({"password": "grace@example"}, "password"),
    ],
)
def test_signing_up_says_what_is_wrong(client: Client, ada: User, change: dict[str, str], said: str) -> None:
    answer = post(client, "/api/v1/accounts/", NEW | change)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], said in error["message"]) == ("accounts:invalid", True), error
    assert User.objects.count() == 1


def test_a_form_that_is_not_filled_in_names_its_fields(client: Client) -> None:
    answer = post(client, "/api/v1/accounts/", {"username": "x", "email": "not an address"})
    assert answer.status_code == 400
    assert set(answer.json()["error"]["fields"]) == {"email", "password"}


def test_the_database_itself_refuses_names_that_differ_by_case(ada: User) -> None:
    for username, email in (("ADA", "x@example.org"), ("x", "ADA@example.org")):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.create(username=username, email=email)


@pytest.mark.parametrize("login", ["ada", "ada@example.org", "ADA@example.org"])
def test_a_token_for_name_or_address_and_password(client: Client, ada: User, login: str) -> None:
    answer = post(client, "/api/v1/tokens/", {"login": login, "password": PASSWORD, "name": "laptop"})
    assert answer.status_code == 201
    assert answer.json()["name"] == "laptop"
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert client.get("/api/v1/me/", headers=headers).json()["username"] == "ada"


def test_a_wrong_password_and_an_unknown_name_look_the_same(client: Client, ada: User) -> None:
    wrong = post(client, "/api/v1/tokens/", {"login": "ada", "password": "not it, sorry"})
    unknown = post(client, "/api/v1/tokens/", {"login": "nobody", "password": "not it, sorry"})
    assert (wrong.status_code, wrong.json()) == (unknown.status_code, unknown.json())
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "accounts:wrong-password")


@pytest.mark.parametrize("header", ["Bearer", "Bearer wrong", "Bearer a b", "Bearer ", "bearer dc_x"])
def test_a_token_that_is_none_is_a_401_in_the_one_shape(client: Client, header: str) -> None:
    answer = client.get("/api/v1/me/", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "request:unauthenticated")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_my_tokens_are_listed_without_their_text_and_deleted(
    client: Client, ada: User, bob: User, bearer: Bearer
) -> None:
    token, text = services.token_create(user=ada, name="phone")
    headers = bearer(ada)
    listed = client.get("/api/v1/tokens/", headers=headers)
    assert {one["name"] for one in listed.json()} == {"phone", "test"}
    assert text not in listed.content.decode()
    url = f"/api/v1/tokens/{token.pk}/"
    assert client.get(url, headers=headers).json()["prefix"] == text[:8]
    assert client.get(url, headers=bearer(bob)).status_code == 404
    assert client.delete(url, headers=bearer(bob)).status_code == 404
    assert client.delete(url, headers=headers).status_code == 204
    assert client.delete(url, headers=headers).status_code == 404
    assert client.get("/api/v1/me/", headers={"Authorization": f"Bearer {text}"}).status_code == 401


def test_there_are_so_many_tokens_and_no_more(ada: User) -> None:
    for _ in range(services.MAX_TOKENS):
        services.token_create(user=ada, name="x")
    with pytest.raises(UserError, match="20 tokens"):
        services.token_create(user=ada, name="x")


@pytest.mark.django_db(transaction=True)
def test_the_last_token_is_given_once(
    ada: User, last_place: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_TOKENS", 1)
    done = last_place(services, lambda: services.token_create(user=ada, name="x"))
    assert done == ["accounts:too-many-tokens", "saved"]
    assert ApiToken.objects.count() == 1


def test_without_a_token_i_am_nobody(client: Client) -> None:
    assert client.get("/api/v1/me/").status_code == 401
    assert client.get("/api/v1/tokens/").status_code == 401


def test_passwords_are_tried_so_often_for_one_account_and_others_may_still_sign_in(
    client: Client, ada: User, bob: User, settings: LazySettings
) -> None:
    codes = []
    for n in range(12):
        body = {"login": "ada", "password": f"guess number {n}"}
        codes.append(post(client, "/api/v1/tokens/", body, REMOTE_ADDR=f"10.0.0.{n}").status_code)
    assert codes == [401] * 10 + [429] * 2
    throttled = post(client, "/api/v1/tokens/", {"login": "ada", "password": PASSWORD})
    assert throttled.json()["error"]["code"] == "request:throttled"
    assert int(throttled["Retry-After"]) > 0
    assert post(client, "/api/v1/tokens/", {"login": "bob", "password": PASSWORD}).status_code == 201


def test_another_spelling_of_the_name_does_not_escape_the_throttle(client: Client, ada: User) -> None:
    for spelling in ("ada", " ada", "ada  ", "ADA", "\tada") * 2:
        assert post(client, "/api/v1/tokens/", {"login": spelling, "password": "a guess"}).status_code == 401
    for spelling in ("ada", "   ada ", "aDa"):
        answer = post(client, "/api/v1/tokens/", {"login": spelling, "password": PASSWORD})
        assert answer.status_code == 429, spelling


def test_a_forged_forwarding_header_does_not_escape_the_throttle(client: Client) -> None:
    codes = [
        post(client, "/api/v1/accounts/", {}, headers={"X-Forwarded-For": f"10.1.1.{n}"}).status_code
        for n in range(22)
    ]
    assert codes == [400] * 20 + [429] * 2


# --- pages ---------------------------------------------------------------------------------------------


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_signing_up_in_and_out_by_the_pages(client: Client) -> None:
    form = {"username": "grace", "email": "grace@example.org", "password1": PASSWORD}
    assert client.post("/accounts/signup/", form).status_code == 302
    assert signed_in(client)
    client.post("/accounts/logout/")
    assert not signed_in(client)
    client.post("/accounts/login/", {"login": "grace@example.org", "password": PASSWORD})
    assert signed_in(client)


def test_signing_in_is_throttled(client: Client, ada: User) -> None:
    answers = [
        client.post("/accounts/login/", {"login": "ada", "password": f"guess number {n}"}) for n in range(8)
    ]
    assert all(answer.status_code == 200 for answer in answers[:5])
    final = client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    assert not signed_in(client), "the right password, after too many wrong ones"
    assert final.status_code == 429
    assert "Wait five minutes" in final.content.decode()


def test_a_reset_by_mail_sets_a_new_password(client: Client, ada: User) -> None:
    client.post("/accounts/password/reset/", {"email": "ada@example.org"})
    (letter,) = mail.outbox
    link = next(word for word in letter.body.split() if "/password/reset/key/" in word)
    page = client.get(link[link.index("/accounts/") :], follow=True)
    url = page.redirect_chain[-1][0]
    fresh = "an entirely new secret"
    client.post(url, {"password1": fresh, "password2": fresh})
    ada.refresh_from_db()
    assert ada.check_password(fresh)


def test_a_mail_server_that_is_away_costs_no_account_and_is_told(client: Client, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 9, 2  # nobody is there
    form = {"username": "grace", "email": "grace@example.org", "password1": PASSWORD}
    answer = client.post("/accounts/signup/", form)
    assert (answer.status_code, signed_in(client)) == (302, True)
    told = [str(message) for message in get_messages(answer.wsgi_request)]
    assert any("could not be sent" in text for text in told)
    assert not any("on its way" in text for text in told)
    client.post("/accounts/logout/")
    for address in ("grace@example.org", "nobody@example.org"):  # one answer: it does not tell who is here
        answer = client.post("/accounts/password/reset/", {"email": address})
        assert answer.status_code == 503
        assert "mail server does not answer" in answer.content.decode()


def test_a_mail_server_is_set_by_environment() -> None:
    program = (
        "from django.conf import settings as s; print(s.EMAIL_BACKEND, s.EMAIL_USE_TLS, s.EMAIL_USE_SSL)"
    )
    for host, security, wanted in (
        ("", "starttls", "console.EmailBackend True False"),
        ("mail.example.org", "starttls", "smtp.EmailBackend True False"),
        ("mail.example.org", "tls", "smtp.EmailBackend False True"),
        ("mail.example.org", "none", "smtp.EmailBackend False False"),
    ):
        variables = {
            "DJANGO_SETTINGS_MODULE": "direction_commons.config.settings",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "DIRECTION_COMMONS_EMAIL_HOST": host,
            "DIRECTION_COMMONS_EMAIL_SECURITY": security,
        }
        said = subprocess.check_output([sys.executable, "-c", program], env=os.environ | variables, text=True)
        assert said.strip().endswith(wanted)
    slip = {**variables, "DIRECTION_COMMONS_EMAIL_SECURITY": "ssl"}
    refused = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | slip, capture_output=True, text=True
    )
    assert refused.returncode
    assert "EMAIL_SECURITY is 'ssl': starttls, tls or none" in refused.stderr


# --- the demonstration's people ------------------------------------------------------------------------


@pytest.fixture
def demo(make_user: Callable[..., User]) -> User:
    """With a password, as they never have one: so that each door refuses for the right reason."""
    return make_user("demo-cleo", is_demonstration=True)


def test_nobody_signs_in_as_the_demonstration(client: Client, demo: User) -> None:
    client.post("/accounts/login/", {"login": "demo-cleo", "password": PASSWORD})
    assert not signed_in(client)
    answer = post(client, "/api/v1/tokens/", {"login": "demo-cleo", "password": PASSWORD})
    assert answer.status_code == 401
    with pytest.raises(UserError, match="demonstration"):
        services.token_create(user=demo, name="x")


def test_a_token_or_session_of_the_demonstration_is_nobodys(
    client: Client, ada: User, bearer: Bearer
) -> None:
    headers = bearer(ada)
    client.force_login(ada)
    assert client.get("/api/v1/me/").status_code == 200
    User.objects.filter(pk=ada.pk).update(is_demonstration=True)
    assert client.get("/api/v1/me/").status_code == 401
    assert Client().get("/api/v1/me/", headers=headers).status_code == 401


def test_the_demonstrations_passwords_cannot_be_reset(client: Client, demo: User) -> None:
    answer = client.post("/accounts/password/reset/", {"email": "demo-cleo@example.org"})
    assert answer.status_code == 302
    assert mail.outbox == []


# --- leaving -------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_deleting_an_account_deletes_everything_of_it_and_nothing_of_others(
    client: Client, ada: User, bob: User, bearer: Bearer, picture: Callable[..., bytes]
) -> None:
    for user in (ada, bob):
        image_intake(owner=user, data=picture())
        job_enqueue(kind="inversion", key=f"of-{user.pk}", owner=user)
    headers = bearer(ada)
    wrong = client.delete("/api/v1/me/", {"password": "x"}, content_type="application/json", headers=headers)
    assert (wrong.status_code, User.objects.count()) == (403, 2)
    body = {"password": PASSWORD}
    gone = client.delete("/api/v1/me/", body, content_type="application/json", headers=headers)
    assert gone.status_code == 204
    assert list(User.objects.all()) == [bob]
    for model in (StoredImage, Job, ApiToken):
        field = "user" if model is ApiToken else "owner"
        assert not model.objects.filter(**{f"{field}_id": ada.pk}).exists()
    root = Path(default_storage.location)  # type: ignore[attr-defined]
    assert [path.name for path in root.iterdir() if any(path.iterdir())] == [str(bob.pk)]
    assert client.get("/api/v1/me/", headers=headers).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_keeps_a_picture_meanwhile_does_not_keep_the_account(
    ada: User, other_connection: Callable[..., Any]
) -> None:
    """The cascade has been collected when the row comes: nothing may be left, and nobody sees an error."""
    pk, came = ada.pk, []

    def worker() -> None:
        StoredImage.objects.create(
            owner_id=pk, sha256="0" * 64, kind="derived", content_type="image/webp", width=1, height=1, size=1
        )

    def meanwhile(instance: User, **_: Any) -> None:
        if not came:
            came.append(True)
            other_connection(worker).result(timeout=20)

    pre_delete.connect(meanwhile, sender=User)
    try:
        services.account_delete(user=ada, password=PASSWORD)
    finally:
        pre_delete.disconnect(meanwhile, sender=User)
    assert came
    assert not User.objects.filter(pk=pk).exists()
    assert not StoredImage.objects.filter(owner_id=pk).exists()


def test_every_room_is_asked_before_the_cascade_and_for_the_export(
    client: Client, ada: User, bearer: Bearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(services, "_erasers", {})
    monkeypatch.setattr(services, "_exporters", {})
    services.register_eraser("room", lambda user: asked.append(User.objects.get(pk=user.pk).username))
    services.register_exporter("room", lambda user: {"things": [1, 2]})
    export = client.get("/api/v1/me/export/", headers=bearer(ada)).json()
    assert export["room"] == {"things": [1, 2]}
    assert export["accounts"]["email"] == "ada@example.org"
    services.account_delete(user=ada)
    assert asked == ["ada"]


def test_a_room_that_cannot_erase_keeps_the_account(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(user: User) -> None:
        raise RuntimeError("cannot")

    monkeypatch.setattr(services, "_erasers", {"room": fails})
    with pytest.raises(RuntimeError):
        services.account_delete(user=ada)
    assert User.objects.filter(pk=ada.pk).exists()


# --- how much, and how often ---------------------------------------------------------------------------


def test_a_quota_says_what_is_used_and_what_is_allowed() -> None:
    quota_check(what="photos", used=4, limit=5, todo="Delete some.")
    with pytest.raises(UserError, match="You have 5 photos; at most 5") as caught:
        quota_check(what="photos", used=5, limit=5, todo="Delete some.")
    assert (caught.value.code, caught.value.status) == ("accounts:quota", 403)


def test_a_day_has_so_many_of_a_thing_for_a_person_and_the_next_day_as_many(ada: User, bob: User) -> None:
    for _ in range(2):
        quota_spend(user=ada, what="pairs", limit=2)
    with pytest.raises(UserError, match="2 pairs today") as caught, transaction.atomic():
        quota_spend(user=ada, what="pairs", limit=2)
    assert (caught.value.code, caught.value.status) == ("accounts:quota", 429)
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 24 * 3600
    quota_spend(user=ada, what="photos", limit=2)
    quota_spend(user=bob, what="pairs", limit=2)
    Usage.objects.update(day=F("day") - timedelta(days=1))
    quota_spend(user=ada, what="pairs", limit=2)


def test_counts_are_exported_forgotten_and_erased_with_the_account(ada: User, bob: User) -> None:
    quota_spend(user=ada, what="pairs", limit=2)
    (count,) = services.account_export(user=ada)["accounts"]["usage"]
    assert (count["what"], count["number"]) == ("pairs", 1)
    assert usage_forget() == 0
    quota_spend(user=bob, what="pairs", limit=2)
    Usage.objects.filter(user=bob).update(day=F("day") - timedelta(days=5))
    assert usage_forget() == 1
    services.account_delete(user=ada)
    assert not Usage.objects.exists()


def test_a_throttle_counts_each_client_and_tells_when_to_come_back(settings: LazySettings) -> None:
    settings.THROTTLES = {**settings.THROTTLES, "sign-up": "2/min"}
    for _ in range(2):
        throttle(scope="sign-up", who="10.0.0.1")
    with pytest.raises(UserError, match="at most 2 in 60 seconds") as caught:
        throttle(scope="sign-up", who="10.0.0.1")
    assert (caught.value.code, caught.value.status) == ("request:throttled", 429)
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 60
    throttle(scope="sign-up", who="10.0.0.2")
    throttle(scope="password", who="10.0.0.1")


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address", "client"),
    [
        (0, "1.2.3.4", "10.0.0.1", "10.0.0.1"),  # nobody in front is ours: what they say is not believed
        (1, "6.6.6.6, 1.2.3.4", "10.0.0.1", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.2", "10.0.0.1", "1.2.3.4"),
        (0, "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),  # whoever has one of them has them all
        (0, "", "::ffff:10.0.0.9", "10.0.0.9"),
        (0, "", "", ""),
    ],
)
def test_a_client_is_who_our_own_proxies_saw(
    rf: RequestFactory, settings: LazySettings, proxies: int, forwarded: str, address: str, client: str
) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    more = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert client_of(rf.get("/", REMOTE_ADDR=address, **more)) == client


def test_a_password_before_the_deletion_is_guessed_so_often(
    client: Client, ada: User, bearer: Bearer
) -> None:
    client.force_login(ada)
    codes = [client.post("/me/delete/", {"password": f"guess {n}"}).status_code for n in range(10)]
    assert codes == [403] * 10
    late = client.post("/me/delete/", {"password": PASSWORD})
    assert (late.status_code, int(late["Retry-After"]) > 0) == (429, True)
    assert "Too many requests" in late.content.decode()
    api = client.delete(
        "/api/v1/me/", {"password": PASSWORD}, content_type="application/json", headers=bearer(ada)
    )
    assert (api.status_code, api.json()["error"]["code"]) == (429, "request:throttled")
    assert User.objects.filter(pk=ada.pk).exists()


def test_deleting_the_account_by_the_page(client: Client, ada: User) -> None:
    client.force_login(ada)
    assert client.post("/me/delete/", {"password": PASSWORD}).status_code == 302
    assert not User.objects.exists()


def test_a_tokens_text_is_in_one_answer_and_nowhere_else(client: Client, ada: User) -> None:
    client.force_login(ada)
    answer = client.post("/me/tokens/", {"name": "laptop"})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    (text,) = set(re.findall(r"dc_[\w-]{20,}", answer.content.decode()))
    assert client.get("/api/v1/me/", headers={"Authorization": f"Bearer {text}"}).status_code == 200
    assert text not in client.get("/me/").content.decode()
    kept = [Session.objects.get().get_decoded(), *ApiToken.objects.values()]
    assert text not in str(kept)
    for _ in range(services.MAX_TOKENS - 1):
        services.token_create(user=ada, name="x")
    refused = client.post("/me/tokens/", {"name": "one more"})
    assert (refused.status_code, ApiToken.objects.count()) == (302, services.MAX_TOKENS)


# --- addresses beside the account's own -----------------------------------------------------------------


def an_address(user: User, email: str, **more: Any) -> EmailAddress:
    return EmailAddress.objects.create(user=user, email=email, **more)


def test_an_address_of_another_account_does_not_become_the_first(
    client: Client, ada: User, bob: User
) -> None:
    an_address(ada, ada.email, primary=True)
    an_address(ada, bob.email)
    client.force_login(ada)
    answer = client.post("/accounts/email/", {"action_primary": "", "email": bob.email}, follow=True)
    assert answer.status_code == 200
    assert "another account&#x27;s" in answer.content.decode()
    ada.refresh_from_db()
    assert ada.email == "ada@example.org"
    assert EmailAddress.objects.get(primary=True).email == "ada@example.org"


@pytest.mark.parametrize("by", ["api", "page"])
@pytest.mark.parametrize("confirmed", [False, True])
def test_an_address_that_somebody_else_never_confirmed_does_not_bar_its_owner(
    client: Client, ada: User, by: str, confirmed: bool
) -> None:
    an_address(ada, "grace@example.org", verified=confirmed)
    if by == "api":
        post(client, "/api/v1/accounts/", NEW)
    else:
        client.post("/accounts/signup/", {**NEW, "password1": PASSWORD})
    assert User.objects.filter(email="grace@example.org").exists() is not confirmed


def test_an_address_that_somebody_else_never_confirmed_can_be_added_and_confirmed(
    client: Client, ada: User, bob: User
) -> None:
    an_address(bob, bob.email, primary=True)
    an_address(bob, "grace@example.org")
    an_address(ada, ada.email, primary=True)
    client.force_login(ada)
    client.post("/accounts/email/", {"action_add": "", "email": "grace@example.org"})
    (letter,) = mail.outbox
    assert letter.to == ["grace@example.org"]
    link = next(word for word in letter.body.split() if "/accounts/confirm-email/" in word)
    client.post(link[link.index("/accounts/") :])
    confirmed = EmailAddress.objects.filter(email="grace@example.org", verified=True)
    assert [address.user for address in confirmed] == [ada]


def test_the_only_address_of_an_account_stays(client: Client, ada: User) -> None:
    an_address(ada, ada.email, primary=True)
    client.force_login(ada)
    client.post("/accounts/email/", {"action_remove": "", "email": ada.email})
    assert EmailAddress.objects.filter(user=ada).exists()


def test_the_export_has_every_address(client: Client, ada: User, bearer: Bearer) -> None:
    an_address(ada, ada.email, primary=True)
    an_address(ada, "a@other.org")
    held = client.get("/api/v1/me/export/", headers=bearer(ada)).json()["accounts"]["addresses"]
    assert [row["email"] for row in held] == [ada.email, "a@other.org"]


def test_a_tokens_name_has_no_zero_in_it(client: Client, ada: User) -> None:
    client.force_login(ada)
    answer = client.post("/me/tokens/", {"name": "a\0b"})
    assert answer.status_code == 400
    assert "U+0000" in answer.content.decode()
    assert not ApiToken.objects.exists()
