"""Models of authenticator apps and recovery codes.

They build on django-otp's `Device`, but not on the models of its plugins, which store keys and codes in plain text.
"""

import logging
from base64 import b32encode
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_otp.oath import TOTP

from keystone.conf import options
from keystone.two_factor.encryption import Unreadable, decrypt, encrypt, is_current

if TYPE_CHECKING:
    from django.db.models import Model as Device
else:
    from django_otp.models import Device

logger = logging.getLogger(__name__)

SECRET_BYTES = 20  # 160 bits, as RFC 4226, section 4 (R6) recommends
DIGITS = 6
STEP = 30  # seconds; RFC 6238, section 5.2
TOLERANCE = 1  # steps before and after, for clocks that differ; RFC 6238, section 5.2 allows no more


class AuthenticatorQuerySet(models.QuerySet["Authenticator"]):
    """Queries of authenticators."""

    def devices_for_user(self, user: Any, confirmed: bool | None = None) -> Self:  # noqa: FBT001 - django-otp's
        """Return the authenticators of a user, with django-otp's signature. `confirmed=None` returns all of them."""
        devices = self.filter(user=user)
        return devices if confirmed is None else devices.filter(confirmed=confirmed)

    def confirmed_of(self, user: Any) -> Self:
        """Return the user's only confirmed authenticator, whose codes are asked for, or none."""
        return self.devices_for_user(user, confirmed=True)

    def begun_of(self, user: Any, *, since: datetime) -> Self:
        """Return the only authenticator that the user is setting up, if it was begun after `since`, or none."""
        return self.devices_for_user(user, confirmed=False).filter(created_at__gt=since)


class Authenticator(Device):
    """An authenticator app that shares a secret with us. The database stores the secret encrypted.

    A user has at most one that is confirmed, whose codes are asked for, and one that is being set up.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="authenticators", db_index=False
    )
    confirmed = models.BooleanField(_("confirmed"), default=False, editable=False)
    sealed_secret = models.CharField(max_length=200, editable=False)
    last_step = models.BigIntegerField(null=True, editable=False)
    created_at = models.DateTimeField(_("begun"), db_default=Now(), editable=False)
    confirmed_at = models.DateTimeField(_("set up"), null=True, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    objects = AuthenticatorQuerySet.as_manager()

    class Meta:
        verbose_name = _("authenticator")
        verbose_name_plural = _("authenticators")
        default_permissions = ()
        constraints: ClassVar = (
            models.UniqueConstraint(fields=["user", "confirmed"], name="authenticator_one_each"),
            models.CheckConstraint(
                condition=Q(confirmed=True, confirmed_at__isnull=False) | Q(confirmed=False, confirmed_at__isnull=True),
                name="authenticator_confirmed_at",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} #{self.pk}"

    @property
    def name(self) -> str:
        """The name of the device for django-otp. There is only one kind, so it is not stored in a column."""
        return gettext("Authenticator app")

    @property
    def secret(self) -> str:
        """The secret for typing into an app: base32 (RFC 4648) in groups of four.

        Raises:
            Unreadable: no key decrypts it.
        """
        text = b32encode(decrypt(self.sealed_secret)).decode("ascii")
        return " ".join(text[place : place + 4] for place in range(0, len(text), 4))

    @property
    def uri(self) -> str:
        """The content of the QR code: the `otpauth://` URI that every authenticator app understands.

        Raises:
            Unreadable: no key decrypts the secret.
        """
        issuer = options().project_name
        values = {
            "secret": self.secret.replace(" ", ""),
            "issuer": issuer,
            "algorithm": "SHA1",
            "digits": DIGITS,
            "period": STEP,
        }
        label = f"{quote(issuer, safe='')}:{quote(str(self.user), safe='')}"
        return f"otpauth://totp/{label}?{urlencode(values, quote_via=quote)}"

    def verify_token(self, token: str) -> bool:
        """Check a code and use it up. Neither it nor a code of an earlier time step is accepted again (RFC 6238, 5.2).

        The caller must lock the row, so that only one of several concurrent callers succeeds.

        Args:
            token: six ASCII digits; anything else is wrong.
        """
        if not (len(token) == DIGITS and token.isascii() and token.isdecimal()):
            return False
        try:
            key = decrypt(self.sealed_secret)
        except Unreadable:
            logger.error("Authenticator %s was encrypted with a key that is no longer configured.", self.pk)  # noqa: TRY400 - a traceback adds nothing
            return False
        totp = TOTP(key, step=STEP, digits=DIGITS)
        now = timezone.now()
        totp.time = now.timestamp()
        earliest = None if self.last_step is None else self.last_step + 1
        if not totp.verify(int(token), tolerance=TOLERANCE, min_t=earliest):
            return False
        self.last_step, self.last_used_at = totp.t(), now
        if not is_current(self.sealed_secret):
            self.sealed_secret = encrypt(key)  # so that older keys can be dropped eventually
        self.save(update_fields=["last_step", "last_used_at", "sealed_secret"])
        return True


class RecoveryCodeQuerySet(models.QuerySet["RecoveryCode"]):
    """Queries of recovery codes."""

    def unused(self, user: Any) -> Self:
        """Return the user's codes that are still valid."""
        return self.filter(user=user, used_at__isnull=True)


class RecoveryCode(models.Model):
    """A code that lets a user sign in once without their authenticator. Only its digest is stored."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes", db_index=False
    )
    digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(_("made"), db_default=Now(), editable=False)
    used_at = models.DateTimeField(_("used"), null=True, editable=False)

    objects = RecoveryCodeQuerySet.as_manager()

    class Meta:
        verbose_name = _("recovery code")
        verbose_name_plural = _("recovery codes")
        default_permissions = ()
        constraints: ClassVar = (models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once"),)

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} #{self.pk}"
