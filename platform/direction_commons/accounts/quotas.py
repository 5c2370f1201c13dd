"""What a person may use: how much may lie here at once, and how much may be asked for in a day.

The two are different questions. What lies here is counted by the room that has it (`quota_check`); what was
asked for is counted here (`quota_spend`), because deleting it again does not undo the work.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection

from direction_commons.accounts.models import Usage, User
from direction_commons.errors import UserError

KEPT_DAYS = 2


def person_lock(*, user: User) -> None:
    """Until the transaction's end: one person's changes (pairs, photos, recipes, tokens) come one by one.

    It is the first lock of whoever takes it, so that two requests of a person cannot meet in a deadlock over
    the same pictures, and a quota's last place is given once. A worker that saves something of the person
    does not wait for it.

    Raises UserError "accounts:gone" (401): the account was deleted since this request was let in. What is
    looked up under the lock stays until its end; what was looked up before it must be looked up again.
    """
    if User.objects.select_for_update(no_key=True).filter(pk=user.pk).first() is None:
        message = "This account was deleted a moment ago."
        raise UserError("accounts:gone", message, "Sign in with another, or sign up.", status=401)


def quota_check(
    *,
    what: str,
    used: int,
    limit: int,
    todo: str,
    more: int = 1,
    code: str = "accounts:quota",
    shown: Callable[[int], str] = str,
) -> None:
    """Raises UserError `code` (403) when `more` of `what` beside the `used` would be too much to keep.

    Args:
        what: in the plural, as the sentence "You have 5 photos" wants it.
        shown: how a number is said, where it is not a count.
    """
    if used + more > limit:
        message = f"You have {shown(used)} {what}; at most {shown(limit)} are kept for an account."
        raise UserError(code, message, todo, status=403)


def quota_spend(*, user: User, what: str, limit: int) -> None:
    """Counts one more of `what` today. Raises UserError "accounts:quota" (429) beyond `limit` a day (UTC).

    Call it in the transaction of what is asked for: what is refused or crashes counts nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO accounts_usage AS usage (user_id, day, what, number)
            VALUES (%s, (now() AT TIME ZONE 'UTC')::date, %s, 1)
            ON CONFLICT (user_id, what, day) DO UPDATE SET number = usage.number + 1
            RETURNING number,
                      ceil(extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day'
                                              - (now() AT TIME ZONE 'UTC')))::int
            """,
            [user.pk, what],
        )
        number, seconds = cursor.fetchone()
    if number > limit:
        raise UserError(
            "accounts:quota",
            f"You sent {number - 1} {what} today, deleted ones counted; at most {limit} a day are accepted.",
            "Come back tomorrow (a day begins at midnight UTC), or ask the operator for more.",
            status=429,
            retry_after=max(1, seconds),
        )


def usage_forget() -> int:
    """Deletes the counts of days that no quota asks about any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM accounts_usage WHERE day < (now() AT TIME ZONE 'UTC')::date - %s", [KEPT_DAYS]
        )
        return int(cursor.rowcount)


def usage_export(user: User) -> list[dict[str, str | int]]:
    """The counts that are kept of a person, ready for JSON."""
    rows = Usage.objects.filter(user=user).order_by("day", "what")
    return [{"day": row.day.isoformat(), "what": row.what, "number": row.number} for row in rows]
