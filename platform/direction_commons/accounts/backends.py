"""Who may sign in: active people, and never the demonstration's."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend


class PeopleBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth has no types
    """Password sign-in by user name or e-mail, for pages and API alike.

    Django also asks `user_can_authenticate` for every request of a session, so that a session of a
    demonstration person is nobody's, however it came to be.
    """

    def user_can_authenticate(self, user: Any) -> bool:
        return super().user_can_authenticate(user) and not user.is_demonstration
