"""One-time tokens for links in emails. The database holds only their digests."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from keystone import email_address
from keystone.background.batches import delete_in_chunks
from keystone.exceptions import Refusal

EXPIRED_KEPT = timedelta(days=1)  # longer than any interval in which a second request for a mail counts
REPEATED = timedelta(minutes=10)  # for how long a link that has done its work says so when it is used again
TOKEN_BYTES = 32  # 256 random bits; OWASP ASVS 5.0 asks for at least 128


class Purpose(models.TextChoices):
    """What a token is good for, and nothing else."""

    VERIFY_EMAIL = "verify_email", _("verify an email address")
    RESET_PASSWORD = "reset_password", _("set a new password")
    CONFIRM_EMAIL = "confirm_email", _("confirm a new email address")
    REVERT_EMAIL = "revert_email", _("take a change of the email address back")


class InvalidToken(Refusal):
    """The token is unknown, expired, used, or was made for something else; which of these is not told."""

    code = "invalid_token"
    status = 400
    message = _("This link is not valid any more. Ask for a new one.")


class OneTimeToken(models.Model):
    """A token that was mailed: bound to a purpose, a person and an address, usable once until it expires.

    `email` is that address as typed, which becomes the account's where the purpose is to change it. `created_at` is
    when the right to it came about, which is before its mail was sent (see `reserve`). `used_at` is when it ended; by
    `took_effect` it was used then, and else revoked.
    """

    digest = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=20, choices=Purpose)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens", db_index=False)
    email = models.CharField(max_length=email_address.MAX_LENGTH, blank=True, db_default="")
    email_normalized = models.CharField(max_length=254)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    took_effect = models.BooleanField(default=False, db_default=False)

    class Meta:
        verbose_name = _("one-time token")
        verbose_name_plural = _("one-time tokens")
        default_permissions = ()
        indexes: ClassVar = (
            models.Index(fields=["user", "purpose"], name="token_user"),
            models.Index(
                fields=["email_normalized"], name="token_held", condition=models.Q(purpose=Purpose.REVERT_EMAIL)
            ),
        )
        constraints: ClassVar = (
            models.CheckConstraint(condition=models.Q(purpose__in=Purpose.values), name="token_purpose_known"),
        )

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} #{self.pk}"


def reserve(*, purpose: Purpose, user: models.Model, email: str, lifetime: timedelta) -> OneTimeToken:
    """Note the right to a link whose mail is yet to be sent.

    A link acts on the authority of who asked for it. Between the asking and the mail that authority can end; then this
    row ends like any other token, and the mail brings none. Nobody knows a token of it: `mint` makes one.
    """
    return _create(secrets.token_urlsafe(TOKEN_BYTES), purpose, user, email, lifetime)


def reserved(pk: int | str) -> OneTimeToken | None:
    """What was reserved, if it has not been ended since. Hold the person's row locked, as whatever ends links does."""
    return OneTimeToken.objects.filter(pk=pk, used_at__isnull=True, expires_at__gt=Now()).first()


def mint(
    *, purpose: Purpose, user: models.Model, email: str, lifetime: timedelta, since: datetime | None = None
) -> str:
    """Make a token. It is returned once, to be put into the mail that is being sent, and stored nowhere.

    Args:
        purpose: what alone it is good for.
        user: whose account it acts on.
        email: the address that it is mailed to or that it is about, as typed; the token dies with it.
        lifetime: how long it works.
        since: when the right to it came about (UTC), where that was reserved before.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    _create(token, purpose, user, email, lifetime, **({"created_at": since} if since else {}))
    return token


def _create(
    token: str, purpose: Purpose, user: models.Model, email: str, lifetime: timedelta, **values: Any
) -> OneTimeToken:
    return OneTimeToken.objects.create(
        digest=digest(token),
        purpose=purpose,
        user_id=user.pk,
        email=email_address.as_typed(email),
        email_normalized=email_address.normalize(email),
        expires_at=timezone.now() + lifetime,
        **values,
    )


def usable(token: str, *, purpose: Purpose) -> models.QuerySet[OneTimeToken]:
    """The row of a token that can still be used; empty otherwise. Reading it uses nothing up."""
    return OneTimeToken.objects.filter(
        digest=digest(token), purpose=purpose, used_at__isnull=True, expires_at__gt=Now()
    )


def used_lately(token: str, *, purpose: Purpose) -> models.QuerySet[OneTimeToken]:
    """The row of a token that was used within `REPEATED`; empty otherwise."""
    since = timezone.now() - REPEATED
    return OneTimeToken.objects.filter(digest=digest(token), purpose=purpose, took_effect=True, used_at__gt=since)


def revoke(user_ids: Collection[Any], *, purpose: Purpose | None = None, but: Purpose | None = None) -> None:
    """Make the outstanding tokens of these people useless: all, those of `purpose`, or all `but` those of one."""
    tokens = OneTimeToken.objects.filter(user_id__in=user_ids, used_at__isnull=True)
    if purpose:
        tokens = tokens.filter(purpose=purpose)
    if but:
        tokens = tokens.exclude(purpose=but)
    tokens.update(used_at=Now())


def outstanding(user_ids: Collection[Any]) -> dict[Any, list[int]]:
    """The keys of the tokens of these people that `revoke` would end, by person; not those that revert an address."""
    found: dict[Any, list[int]] = {}
    rows = OneTimeToken.objects.filter(user_id__in=user_ids, used_at__isnull=True).exclude(purpose=Purpose.REVERT_EMAIL)
    for user_id, key in rows.values_list("user_id", "pk"):
        found.setdefault(user_id, []).append(key)
    return found


def restore(keys: Collection[int]) -> None:
    """Let tokens work again that were ended with what is being undone. Those that have expired stay so."""
    OneTimeToken.objects.filter(pk__in=keys).update(used_at=None)


def delete_expired() -> int:
    """Delete the tokens that have expired a day ago. Nothing looks at them any more. Call it outside a transaction.

    Returns:
        How many there were.
    """
    return delete_in_chunks(OneTimeToken.objects.filter(expires_at__lte=timezone.now() - EXPIRED_KEPT))


def digest(token: str) -> str:
    """The SHA-256 of a token. No salt or stretching is needed: the token itself is random."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
