"""What allauth's pages do differently here: nobody signs in as, or resets the password of, the
demonstration, and a mail server that is away costs nobody an account.
"""

from __future__ import annotations

import unicodedata
from smtplib import SMTPException
from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase

from direction_commons.errors import UserError

log = structlog.get_logger(__name__)

RESERVED = ("demo", "demonstration", "admin", "operator", "commons", "root", "staff")


class PeopleAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": "Signing in failed too often, so no password is looked at for now. Wait "
        "five minutes and try again, or reset your password.",
    }

    def pre_login(self, request: HttpRequest, user: Any, **more: Any) -> HttpResponseBase | None:
        """The last door of every way in; None lets the person through."""
        if user.is_demonstration:
            refused: HttpResponseBase = self.respond_user_inactive(request, user)
            return refused
        answer: HttpResponseBase | None = super().pre_login(request, user, **more)
        return answer

    def send_password_reset_mail(self, user: Any, email: str, context: dict[str, Any]) -> Any:
        """A demonstration person gets no link; whoever asked reads the same page as always."""
        return None if user.is_demonstration else super().send_password_reset_mail(user, email, context)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """An address can be confirmed later, so that mail may fail; who asked for any other is told."""
        try:
            super().send_mail(template_prefix, email, context)
        except (SMTPException, OSError) as error:
            log.exception("accounts.mail-failed", template=template_prefix)
            if not template_prefix.startswith("account/email/email_confirmation"):
                raise UserError(
                    "accounts:mail-away",
                    "The mail could not be sent: the mail server does not answer.",
                    "Try again later. If it stays, tell the operator.",
                    status=503,
                ) from error
            allauth_context.request.mail_failed = True

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        """Messages about mails know whether the mail of this request went out."""
        told = {**(message_context or {}), "mail_failed": getattr(request, "mail_failed", False)}
        super().add_message(request, level, message_template, told, extra_tags, message)

    def can_delete_email(self, email_address: Any) -> bool:
        """An account keeps an address: without one there is no way back to it, and only one could be so."""
        return not email_address.primary and super().can_delete_email(email_address)

    def clean_username(self, username: str, shallow: bool = False) -> str:
        # NFKC: letters that only look different (ｄｅｍｏ) are the same name.
        username = str(super().clean_username(unicodedata.normalize("NFKC", username), shallow))
        if username.casefold().startswith("demo-") or username.casefold() in RESERVED:
            raise ValidationError("This name is kept for the program itself. Choose another.")
        return username

    def clean_email(self, email: str) -> str:
        """Nobody can be reached below .invalid (RFC 2606); the demonstration's addresses are there."""
        email = str(super().clean_email(email))
        if email.casefold().rstrip(".").endswith(".invalid"):
            raise ValidationError("No mail can reach this address. Give one of your own.")
        return email
