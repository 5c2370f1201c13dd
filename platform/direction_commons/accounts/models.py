"""People. Everything a person owns hangs on `User` with CASCADE, so that deleting an account deletes."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower, Now


class User(AbstractUser):
    """A person. `is_demonstration` people are the demonstration community's: nobody can sign in as them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    is_demonstration = models.BooleanField(default=False, db_index=True)

    class Meta(AbstractUser.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(Lower("username"), name="accounts_usernames_differ_by_more_than_case"),
            models.UniqueConstraint(Lower("email"), name="accounts_emails_differ_by_more_than_case"),
        ]


class ApiToken(models.Model):
    """A bearer token; only its sha256 is kept, the text is shown once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=12)
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"


class Usage(models.Model):
    """How often a person sent `what` on a day (UTC): it outlives what was sent and goes with the account."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="usage")
    day = models.DateField(db_index=True)
    what = models.CharField(max_length=40)
    number = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "what", "day"], name="accounts_one_count_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.what} on {self.day}"
