"""What all of the API shares: the one shape of refusals, idempotency keys, the size of requests."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.http import HttpRequest
from django.test import Client
from django.urls import path
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from structlog.testing import capture_logs

from direction_commons.accounts.models import User
from direction_commons.api.idempotency import idempotent, keys_forget
from direction_commons.api.models import IdempotencyKey
from direction_commons.config.urls import urlpatterns as ours
from direction_commons.errors import NotFound, UserError

pytestmark = pytest.mark.django_db
Bearer = Callable[[User], dict[str, str]]

during: Callable[[Request], None] = lambda request: None  # noqa: E731


class Things(APIView):
    """Each POST makes the person a little more loved: a count of the work that was really done."""

    permission_classes = [IsAuthenticated]

    @idempotent
    def post(self, request: Request) -> Response:
        assert isinstance(request.user, User)
        user = User.objects.get(pk=request.user.pk)
        user.first_name += "x"
        user.save()
        during(request)
        return Response({"name": request.data.get("name"), "made": len(user.first_name)}, status=201)


class DiskFull(Exception):
    """As psycopg2's, whose code cannot be set."""

    pgcode = "53100"


def postgres_disk_full() -> OperationalError:
    error = OperationalError("could not extend file")
    error.__cause__ = DiskFull()
    return error


class Broken(APIView):
    def get(self, request: Request, how: str) -> Response:
        raise {
            "ours": ZeroDivisionError("secret detail"),
            "database": OperationalError("connection refused at secret host"),
            "theirs": UserError("things:wrong", "It is wrong.", "Right it.", status=418),
            "absent": NotFound("thing"),
            "disk": OSError(errno.ENOSPC, "No space left on device"),
            "postgres-disk": postgres_disk_full(),
        }[how]


def page_of_trouble(request: HttpRequest) -> Any:
    if "disk" in request.GET:
        raise OSError(errno.ENOSPC, "No space left on device")
    raise UserError("things:wrong", "It is wrong.", "Right it.", status=418)


urlpatterns = [
    path("api/v1/things/", Things.as_view()),
    path("api/v1/broken/<how>/", Broken.as_view()),
    path("trouble/", page_of_trouble),
    *ours,
]


@pytest.fixture(autouse=True)
def _urls(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def send(client: Client, ada: User, bearer: Bearer) -> Callable[..., Any]:
    headers = bearer(ada)

    def post(body: Any, key: str | None = None, **more: Any) -> Any:
        head = headers | ({"Idempotency-Key": key} if key is not None else {}) | more.pop("headers", {})
        return client.post("/api/v1/things/", body, headers=head, **more)

    return post


def made(user: User) -> int:
    user.refresh_from_db()
    return len(user.first_name)


# --- idempotency ---------------------------------------------------------------------------------------


def test_the_same_key_and_body_answer_the_same_and_work_once(send: Any, ada: User) -> None:
    def once() -> Any:
        file = SimpleUploadedFile("before.png", b"some bytes")
        return send({"name": "a", "file": file}, "key-1")

    first, again = once(), once()
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json() == {"name": "a", "made": 1}
    assert made(ada) == 1
    assert again["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first


def test_without_a_key_every_post_works(send: Any, ada: User) -> None:
    send({"name": "a"})
    send({"name": "a"})
    assert made(ada) == 2


@pytest.mark.parametrize("other", ["text", "file", "name of the field"])
def test_the_same_key_with_another_body_is_refused(send: Any, ada: User, other: str) -> None:
    def file(data: bytes) -> SimpleUploadedFile:
        return SimpleUploadedFile("before.png", data)

    send({"name": "a", "file": file(b"bytes")}, "key-1")
    changed = {
        "text": {"name": "b", "file": file(b"bytes")},
        "file": {"name": "a", "file": file(b"other")},
        "name of the field": {"name": "a", "file2": file(b"bytes")},
    }[other]
    answer = send(changed, "key-1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency:key-reused")
    assert made(ada) == 1


def test_json_bodies_count_too_and_the_order_of_their_fields_does_not(send: Any, ada: User) -> None:
    kind = {"content_type": "application/json"}
    send('{"name": "a", "more": 1}', "key-1", **kind)
    assert send('{"more": 1, "name": "a"}', "key-1", **kind).json()["made"] == 1
    assert send('{"more": 2, "name": "a"}', "key-1", **kind).status_code == 409


def test_a_key_belongs_to_its_person(client: Client, send: Any, bob: User, bearer: Bearer) -> None:
    send({"name": "a"}, "key-1")
    theirs = client.post("/api/v1/things/", {"name": "b"}, headers=bearer(bob) | {"Idempotency-Key": "key-1"})
    assert (theirs.status_code, theirs.json()["name"]) == (201, "b")


@pytest.mark.parametrize("key", ["", "   ", "k" * 101])
def test_a_key_that_is_none_is_refused(send: Any, key: str) -> None:
    answer = send({"name": "a"}, key)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "idempotency:bad-key")


def test_a_refusal_undoes_the_work_and_leaves_the_key_free(
    send: Any, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: Request) -> None:
        raise UserError("things:wrong", "It is wrong.")

    monkeypatch.setitem(globals(), "during", refuse)
    assert send({"name": "a"}, "key-1").status_code == 400
    assert (made(ada), IdempotencyKey.objects.count()) == (0, 0)
    monkeypatch.setitem(globals(), "during", lambda request: None)
    assert send({"name": "corrected"}, "key-1").json() == {"name": "corrected", "made": 1}


@pytest.mark.django_db(transaction=True)
def test_while_the_first_runs_the_second_is_told_so_and_then_gets_its_answer(
    send: Any, ada: User, monkeypatch: pytest.MonkeyPatch, other_connection: Callable[..., Any]
) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def wait(request: Request) -> None:
        inside.set()
        assert go_on.wait(10)

    monkeypatch.setitem(globals(), "during", wait)
    first = other_connection(lambda: send({"name": "a"}, "key-1"))
    assert inside.wait(10)
    second = send({"name": "a"}, "key-1")
    assert (second.status_code, second.json()["error"]["code"]) == (409, "idempotency:in-progress")
    assert second["Retry-After"] == "1"
    go_on.set()
    assert first.result(10).status_code == 201
    assert send({"name": "a"}, "key-1").json() == first.result().json()
    assert made(ada) == 1


@pytest.mark.django_db(transaction=True)
def test_many_at_once_work_once(send: Any, ada: User, other_connection: Callable[..., Any]) -> None:
    answers = [one.result(20) for one in [other_connection(lambda: send({}, "key-1")) for _ in range(8)]]
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert 201 in {answer.status_code for answer in answers}
    assert made(ada) == 1


def test_old_answers_are_forgotten(send: Any) -> None:
    send({}, "key-1")
    assert keys_forget() == 0
    with connection.cursor() as cursor:
        cursor.execute("UPDATE api_idempotencykey SET created_at = now() - interval '8 days'")
    assert keys_forget() == 1


# --- refusals ------------------------------------------------------------------------------------------


def test_what_is_the_persons_is_said_with_its_code(client: Client) -> None:
    answer = client.get("/api/v1/broken/theirs/")
    body = {"error": {"code": "things:wrong", "message": "It is wrong.", "todo": "Right it."}}
    assert (answer.status_code, answer.json()) == (418, body)
    assert client.get("/api/v1/broken/absent/").json()["error"]["code"] == "thing:not-found"


@pytest.mark.parametrize(("how", "status"), [("ours", 500), ("database", 503)])
def test_what_is_ours_is_a_reference_that_the_log_has(client: Client, how: str, status: int) -> None:
    with capture_logs() as logs:
        answer = client.get(f"/api/v1/broken/{how}/")
    error = answer.json()["error"]
    assert answer.status_code == status
    assert "secret" not in answer.content.decode()
    (entry,) = [entry for entry in logs if entry["event"] == "api.crashed"]
    assert entry["reference"] == error["reference"]
    assert entry["exc_info"]


def test_a_traceback_in_the_log_names_no_local_variable(settings: Any) -> None:
    def crash(password: str) -> None:
        raise RuntimeError("on our side")

    try:
        crash(" ".join(["not", "to", "be", "logged"]))
    except RuntimeError as exc:
        event = settings.LOG_TRACEBACKS(None, "error", {"event": "api.crashed", "exc_info": exc})
    assert "on our side" in str(event)
    assert "not to be logged" not in str(event)


@pytest.mark.parametrize("address", ["nonsense/", "me", "pairs/not-a-uuid/x/"])
def test_an_address_that_is_none_answers_in_the_one_shape(client: Client, address: str) -> None:
    answer = client.get(f"/api/v1/{address}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "request:not-found")


@pytest.mark.parametrize("url", ["/api/v1/broken/disk/", "/api/v1/broken/postgres-disk/", "/trouble/?disk"])
def test_a_full_disk_is_a_507_wherever_it_is_met(client: Client, url: str) -> None:
    answer = client.get(url)
    assert answer.status_code == 507
    assert "no room left" in answer.content.decode()


def test_a_page_says_a_refusal_with_its_status(client: Client) -> None:
    answer = client.get("/trouble/")
    assert answer.status_code == 418
    assert "It is wrong." in answer.content.decode()
    assert "Right it." in answer.content.decode()


@pytest.mark.parametrize("url", ["/api/v1/accounts/", "/accounts/login/"])
def test_a_request_that_is_too_large_is_refused_unread(client: Client, settings: Any, url: str) -> None:
    settings.MEDIA_MAX_REQUEST_BYTES = 1024**2
    settings.MEDIA_MAX_BYTES = 512 * 1024
    answer = client.post(url, {"file": SimpleUploadedFile("x.png", bytes(3 * 1024**2))})
    assert answer.status_code == 413
    assert "3.0 MB" in answer.content.decode()


def test_an_upload_is_held_in_memory_and_never_in_a_file(settings: Any) -> None:
    assert settings.FILE_UPLOAD_MAX_MEMORY_SIZE >= settings.MEDIA_MAX_REQUEST_BYTES
