"""One-time tokens: what a link in a mail carries. The database holds only their digests."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from keystone.refusals import Refusal

TOKEN_BYTES = 32  # 256 random bits; OWASP ASVS 5.0 asks for at least 128


class Purpose(models.TextChoices):
    """What a token is good for, and nothing else."""

    VERIFY_EMAIL = "verify_email", _("verify an email address")


class InvalidToken(Refusal):
    """The token is unknown, expired, used, or was made for something else; which of these is not told."""

    code = "invalid_token"
    status = 400
    message = _("This link is not valid any more. Ask for a new one.")


class OneTimeToken(models.Model):
    """A token that was mailed: bound to a purpose, a person and an address, usable once until it expires."""

    digest = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=20, choices=Purpose)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens", db_index=False)
    email_normalized = models.CharField(max_length=254)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("one-time token")
        verbose_name_plural = _("one-time tokens")
        default_permissions = ()
        indexes: ClassVar = (models.Index(fields=["user", "purpose"], name="token_user"),)
        constraints: ClassVar = (
            models.CheckConstraint(condition=models.Q(purpose__in=Purpose.values), name="token_purpose_known"),
        )

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} #{self.pk}"


def mint(*, purpose: Purpose, user: models.Model, email_normalized: str, lifetime: timedelta) -> str:
    """Make a token. It is returned once, to be put into the mail that is being sent, and stored nowhere."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    OneTimeToken.objects.create(
        digest=digest(token),
        purpose=purpose,
        user_id=user.pk,
        email_normalized=email_normalized,
        expires_at=timezone.now() + lifetime,
    )
    return token


def redeem(token: str, *, purpose: Purpose) -> OneTimeToken:
    """Use a token up. Of any number of callers at once, one succeeds. Call it inside a transaction.

    Raises:
        InvalidToken: it cannot be used.
    """
    assert transaction.get_connection().in_atomic_block  # noqa: S101 - a programming error, not an input
    changed = usable(token, purpose=purpose).update(used_at=Now())
    if not changed:
        raise InvalidToken
    return OneTimeToken.objects.get(digest=digest(token))


def usable(token: str, *, purpose: Purpose) -> models.QuerySet[OneTimeToken]:
    """The row of a token that can still be used; empty otherwise. Reading it uses nothing up."""
    return OneTimeToken.objects.filter(
        digest=digest(token), purpose=purpose, used_at__isnull=True, expires_at__gt=Now()
    )


def revoke(user_ids: Collection[Any], *, purpose: Purpose | None = None) -> None:
    """Make every outstanding token of these people useless."""
    tokens = OneTimeToken.objects.filter(user_id__in=user_ids, used_at__isnull=True)
    (tokens.filter(purpose=purpose) if purpose else tokens).update(used_at=Now())


def digest(token: str) -> str:
    """The SHA-256 of a token. No salt or stretching is needed: the token itself is random."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
