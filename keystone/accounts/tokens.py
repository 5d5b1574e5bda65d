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

EXPIRED_KEPT = timedelta(days=1)  # longer than any period in which repeated requests for an email are counted
REPEATED = timedelta(minutes=10)  # how long a used link still reports its success when it is used again
TOKEN_BYTES = 32  # 256 random bits; OWASP ASVS 5.0 asks for at least 128


class Purpose(models.TextChoices):
    """The only purpose that a token is valid for."""

    VERIFY_EMAIL = "verify_email", _("verify an email address")
    RESET_PASSWORD = "reset_password", _("set a new password")
    CONFIRM_EMAIL = "confirm_email", _("confirm a new email address")
    REVERT_EMAIL = "revert_email", _("revert a change of email address")


class InvalidToken(Refusal):
    """The token is unknown, expired, used, or for another purpose. Which of these is not disclosed."""

    code = "invalid_token"
    status = 400
    message = _("This link is no longer valid. Request a new one.")


class OneTimeToken(models.Model):
    """A mailed token, bound to a purpose, a person and an email address. It works once, until it expires.

    `email` is that address as typed; it becomes the account's if the purpose is to change it. `created_at` is when the
    right to the token was granted, which is before its email was sent (see `reserve`). `used_at` is when the token
    ended: it was used then if `took_effect` is set, otherwise revoked.
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
    """Reserve the right to a link whose email has yet to be sent.

    A link acts on the authority of the person who requested it. If that authority ends before the email is sent, this
    row ends like any other token, and no link is mailed. Nobody knows the token of this row: `mint` creates the one
    that is mailed.
    """
    return _create(secrets.token_urlsafe(TOKEN_BYTES), purpose, user, email, lifetime)


def reserved(pk: int | str) -> OneTimeToken | None:
    """Return the reserved row, if it has not ended since.

    Hold the person's row locked, as everything that ends links does.
    """
    return OneTimeToken.objects.filter(pk=pk, used_at__isnull=True, expires_at__gt=Now()).first()


def mint(
    *, purpose: Purpose, user: models.Model, email: str, lifetime: timedelta, since: datetime | None = None
) -> str:
    """Create a token and return it for the email being sent. Only its digest is stored.

    Args:
        purpose: the only purpose that it is valid for.
        user: the account that it acts on.
        email: the email address that it is mailed to or is about, as typed; the token is only valid with it.
        lifetime: how long it works.
        since: when the right to it was granted (UTC), if it was reserved before.
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
    """Return the row of a token that can still be used, else an empty queryset. This doesn't use it up."""
    return OneTimeToken.objects.filter(
        digest=digest(token), purpose=purpose, used_at__isnull=True, expires_at__gt=Now()
    )


def used_lately(token: str, *, purpose: Purpose) -> models.QuerySet[OneTimeToken]:
    """Return the row of a token that was used within `REPEATED`, else an empty queryset."""
    since = timezone.now() - REPEATED
    return OneTimeToken.objects.filter(digest=digest(token), purpose=purpose, took_effect=True, used_at__gt=since)


def revoke(user_ids: Collection[Any], *, purpose: Purpose | None = None, but: Purpose | None = None) -> None:
    """Revoke the outstanding tokens of these people: all, only those of `purpose`, or all except those of `but`."""
    tokens = OneTimeToken.objects.filter(user_id__in=user_ids, used_at__isnull=True)
    if purpose:
        tokens = tokens.filter(purpose=purpose)
    if but:
        tokens = tokens.exclude(purpose=but)
    tokens.update(used_at=Now())


def outstanding(user_ids: Collection[Any]) -> dict[Any, list[int]]:
    """Return the keys of these people's outstanding tokens, by person, except those that revert an email change."""
    found: dict[Any, list[int]] = {}
    rows = OneTimeToken.objects.filter(user_id__in=user_ids, used_at__isnull=True).exclude(purpose=Purpose.REVERT_EMAIL)
    for user_id, key in rows.values_list("user_id", "pk"):
        found.setdefault(user_id, []).append(key)
    return found


def restore(keys: Collection[int]) -> None:
    """Make revoked tokens work again, for an undo. Expired ones stay expired."""
    OneTimeToken.objects.filter(pk__in=keys).update(used_at=None)


def delete_expired() -> int:
    """Delete the tokens that expired at least a day ago; nothing uses them. Call it outside a transaction.

    Returns:
        The number of deleted tokens.
    """
    return delete_in_chunks(OneTimeToken.objects.filter(expires_at__lte=timezone.now() - EXPIRED_KEPT))


def digest(token: str) -> str:
    """Return the SHA-256 of a token. It needs no salt or stretching, because the token is random."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
