"""People and their keys: sign-up through the API, tokens, export and erasure.

Every room says what it holds on a person by registering an exporter and, where the database's cascade is not
enough (a published average must be made again), an eraser. Pages sign people in through allauth; this module
knows no page. A demonstration person is refused at every door.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Callable
from typing import Any, Protocol

import structlog
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from direction_commons.accounts.models import ApiToken, User
from direction_commons.accounts.quotas import person_lock, quota_check, usage_export
from direction_commons.errors import NotFound, UserError

log = structlog.get_logger(__name__)

MAX_TOKENS = 20


def person_create(*, username: str, email: str, password: str) -> User:
    """Signs a person up. Raises UserError "accounts:invalid" with what is wrong with which field."""
    adapter = get_adapter()
    user = User(username=unicodedata.normalize("NFKC", username).strip(), email=email.strip().lower())
    wrong: list[str] = []
    checks: list[tuple[str, Callable[[], Any]]] = [
        ("user name", lambda: adapter.clean_username(user.username)),
        ("e-mail", lambda: validate_email(user.email)),
        ("e-mail", lambda: adapter.clean_email(user.email)),
        ("password", lambda: validate_password(password, user)),
    ]
    for field, check in checks:
        try:
            check()
        except ValidationError as exc:
            wrong.append(f"{field}: {' '.join(exc.messages)}")
    if not wrong and address_taken(user.email):
        wrong.append("e-mail: there is an account with this address already.")
    if wrong:
        raise UserError("accounts:invalid", "; ".join(wrong), "Change that and send it again.")
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)
    except IntegrityError as exc:  # somebody took the name in this very moment
        raise UserError(
            "accounts:invalid", "There is an account with this name or address already.", "Choose another."
        ) from exc
    log.info("accounts.created", user=str(user.pk))
    return user


def address_taken(email: str) -> bool:
    """Whether it is an account's own address, or one that somebody has confirmed."""
    confirmed = EmailAddress.objects.filter(email__iexact=email, verified=True)
    return User.objects.filter(email__iexact=email).exists() or bool(confirmed.exists())


@transaction.atomic
def token_create(*, user: User, name: str) -> tuple[ApiToken, str]:
    """A new token and its text, which is shown this once: only its sha256 is kept."""
    if "\0" in name:
        message = "The name of a token has U+0000 in it, which no text here can hold."
        raise UserError("accounts:token-name", message, "Leave it out.")
    if user.is_demonstration:
        raise UserError("accounts:demonstration", "Nobody can sign in as a demonstration person.", status=403)
    person_lock(user=user)
    quota_check(
        what="tokens",
        used=ApiToken.objects.filter(user=user).count(),
        limit=MAX_TOKENS,
        todo="Delete one that you no longer use.",
        code="accounts:too-many-tokens",
    )
    text = f"dc_{secrets.token_urlsafe(32)}"
    token = ApiToken(
        user=user,
        name=name.strip()[:80] or "token",
        digest=hashlib.sha256(text.encode()).hexdigest(),
        prefix=text[:8],
    )
    token.save(force_insert=True)
    return token, text


def token_delete(*, user: User, id: Any) -> None:
    """Raises NotFound for absent and for others' tokens."""
    try:
        deleted, _ = ApiToken.objects.filter(user=user, pk=id).delete()
    except ValidationError:
        deleted = 0
    if not deleted:
        raise NotFound("token")


def password_check(*, request: HttpRequest, login: str, password: str) -> User:
    """Name or e-mail and password -> the person. Raises UserError "accounts:wrong-password" (401)."""
    user = authenticate(request, username=login, password=password)
    if not isinstance(user, User):
        message = "There is no account with this name or address and this password."
        raise UserError("accounts:wrong-password", message, "Check both, or reset the password.", status=401)
    return user


class Eraser(Protocol):
    def __call__(self, *, user: User) -> None: ...


Exporter = Callable[[User], Any]
_erasers: dict[str, Eraser] = {}
_exporters: dict[str, Exporter] = {}


def register_eraser(app: str, fn: Eraser) -> None:
    """`fn(user=user)` runs inside the transaction that deletes the person, before the cascade."""
    _erasers[app] = fn


def register_exporter(app: str, fn: Exporter) -> None:
    """`fn(user)` answers everything that `app` holds on the person, ready for JSON."""
    _exporters[app] = fn


def account_delete(*, user: User, password: str | None = None) -> None:
    """Deletes the person and everything that is theirs: rows now, files when the deletion has committed.

    Args:
        password: when given it must be theirs (pages and API ask for it; the operator's commands do not).

    Raises UserError: "accounts:wrong-password" (403), "accounts:gone" (401) when it is deleted already.
    """
    if password is not None and not user.check_password(password):
        raise UserError(
            "accounts:wrong-password", "This is not your password.", "Nothing was deleted.", status=403
        )
    pk = user.pk
    for tries_left in (2, 1, 0):
        try:
            with transaction.atomic():
                person_lock(user=user)
                for erase in _erasers.values():
                    erase(user=user)
                user.delete()
            break
        except IntegrityError:  # a worker kept a picture of theirs between our looking and our deleting
            if not tries_left:
                raise
            user.pk = pk  # which the failed deletion took from it
    log.info("accounts.deleted", user=str(pk))


def account_export(*, user: User) -> dict[str, Any]:
    """Everything that the commons holds on a person, by room."""
    own = {
        "username": user.username,
        "email": user.email,
        "addresses": list(
            EmailAddress.objects.filter(user=user).order_by("pk").values("email", "primary", "verified")
        ),
        "joined": user.date_joined.isoformat(),
        "tokens": [{"name": token.name, "prefix": token.prefix} for token in user.api_tokens.all()],
        "usage": usage_export(user),
    }
    return {"accounts": own, **{app: export(user) for app, export in _exporters.items()}}
