"""The forms of allauth, where their words are not ours, or what they ask: whose an address is."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm, SignupForm
from django.core.exceptions import ValidationError

from direction_commons.accounts.services import address_taken


class SignInForm(LoginForm):  # type: ignore[misc]  # allauth has no types
    """Says what may be typed in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "Username or e-mail"
        self.fields["login"].widget.attrs.pop("placeholder", None)  # it would say the same once more


class SignUpForm(SignupForm):  # type: ignore[misc]  # allauth has no types
    """An address that somebody wrote beside their own and never confirmed does not bar its owner."""

    def validate_unique_email(self, value: str) -> str:
        if address_taken(value):
            raise ValidationError("There is an account with this address already.")
        self.account_already_exists = False
        return value
