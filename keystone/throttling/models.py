"""The model of rate limits: how many attempts were counted, and since when."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Limit(models.TextChoices):
    """What attempts are counted by. Each has a separate maximum per window (see `limits`)."""

    IP = "ip", _("IP address")
    ADDRESS_AND_IP = "address_and_ip", _("Email address and IP address")
    ADDRESS = "address", _("Email address")
    REQUESTS = "requests", _("Requests for mails, by IP address")
    CODE = "code", _("Codes of the second factor")
    CHANGES = "changes", _("Changes to one's own account")
    MAILS = "mails", _("Mails to an email address that others requested")


class AttemptWindowQuerySet(models.QuerySet["AttemptWindow"]):
    """Queries of windows."""

    def running(self) -> "AttemptWindowQuerySet":
        """Return the windows that have not ended."""
        return self.filter(ends_at__gt=Now())

    def ended(self) -> "AttemptWindowQuerySet":
        """Return the windows that have ended and may be deleted."""
        return self.filter(ends_at__lte=Now())

    def refusing(self) -> "AttemptWindowQuerySet":
        """Return the running windows that refuse further attempts."""
        return self.running().filter(refused_at__isnull=False)


class AttemptWindow(models.Model):
    """The attempts of one window. The row is incremented in place, and restarted when its time is up.

    `source` is the IP address. For IPv6 it is the /64 network, since a client has all addresses of its network. Neither
    `source` nor `address` refers to an account: email addresses without one are counted alike, so that a limit does not
    reveal whether an account exists.
    """

    limit = models.CharField(_("counted by"), max_length=20, choices=Limit)
    address = models.CharField(_("email address"), max_length=254, blank=True)
    source = models.CharField(_("IP address"), max_length=64, blank=True)
    count = models.PositiveIntegerField(_("attempts"))
    started_at = models.DateTimeField(_("since"), db_default=Now())
    ends_at = models.DateTimeField(_("until"))
    refused_at = models.DateTimeField(_("blocked since"), null=True, blank=True)
    times = ArrayField(
        models.DateTimeField(), default=list, db_default=[], editable=False
    )  # mails of the last 24 hours

    objects = AttemptWindowQuerySet.as_manager()

    class Meta:
        verbose_name = _("rate limit")
        verbose_name_plural = _("rate limits")
        ordering = ("-ends_at", "-id")
        default_permissions = ("view",)
        permissions = (("reset_attemptwindow", _("Can reset rate limits")),)
        constraints: ClassVar = (
            models.UniqueConstraint(fields=["limit", "address", "source"], name="attempts_key"),
            models.CheckConstraint(condition=models.Q(limit__in=Limit.values), name="attempts_limit_known"),
        )
        indexes: ClassVar = (
            models.Index(fields=["address"], name="attempts_address", condition=~models.Q(address="")),
            models.Index(fields=["-ends_at", "-id"], name="attempts_ends"),
        )

    def __str__(self) -> str:
        return " ".join(filter(None, (self.address, self.source)))

    @property
    def has_ended(self) -> bool:
        """Whether the window has ended."""
        return self.ends_at <= timezone.now()
