"""The model of a session: one sign-in to the API or in a browser."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class SessionQuerySet(models.QuerySet["Session"]):
    """Queries of sessions."""

    def live(self) -> "SessionQuerySet":
        """Return the sessions that have neither expired nor been revoked."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=Now())


class Session(models.Model):
    """A sign-in. `refresh_digest` is the digest of its only valid refresh token.

    For a sign-in to the admin or the browsable API, `browser_key` is the key of Django's session as its table stores
    it. Such a sign-in has no tokens.

    `spent` contains the digests of tokens that were traded within the last seconds, with the Unix time of the trade. A
    token that is presented again so soon comes from a client that raced itself, not from a thief.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sessions", db_index=False
    )
    refresh_digest = models.CharField(max_length=64)
    browser_key = models.CharField(max_length=40, null=True, unique=True, editable=False)  # noqa: DJ001 - null for the API
    spent = models.JSONField(default=dict, db_default={}, blank=True, editable=False)
    created_at = models.DateTimeField(_("signed in"), db_default=Now())
    last_used_at = models.DateTimeField(_("last used"), db_default=Now())
    expires_at = models.DateTimeField(_("ends"), db_index=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    ip_address = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    user_agent = models.CharField(_("device"), max_length=300, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        ordering = ("-last_used_at", "-id")
        default_permissions = ("view",)
        permissions = (("end_session", _("Can end sessions of others")),)
        indexes = (
            models.Index(fields=["-last_used_at", "-id"], name="session_last_used"),
            models.Index(fields=["user", "-last_used_at"], name="session_user"),
            models.Index(fields=["user"], name="session_open", condition=Q(revoked_at__isnull=True)),
        )

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M} {self.ip_address or ''}".strip()
