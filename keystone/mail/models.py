"""`OutgoingMail`: the outbox. A mail is a row, saved in the transaction that causes it."""

from typing import Self

from django.conf import settings
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Lower, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from keystone.email_address import as_typed
from keystone.timestamps import TimestampedModel


class MailState(models.TextChoices):
    """The states of a mail."""

    QUEUED = "queued", _("Queued")
    SENT = "sent", _("Sent")  # a mail server has accepted it
    FAILED = "failed", _("Failed")  # rejected permanently, or given up after the last attempt
    BOUNCED = "bounced", _("Bounced")  # the provider reported later that it did not arrive
    SUPPRESSED = (
        "suppressed",
        _("Suppressed"),
    )  # not sent: mail to this email address bounced or its owner complained
    OBSOLETE = "obsolete", _("No longer needed")  # its content was no longer true when it was about to be sent


class OutgoingMailQuerySet(models.QuerySet["OutgoingMail"]):
    """The queries on the outbox."""

    def queued(self) -> Self:
        """Return the mails that are yet to be sent."""
        return self.filter(state=MailState.QUEUED)

    def due(self) -> Self:
        """Return the mails that are due and that no worker is sending."""
        is_free = Q(claimed_until=None) | Q(claimed_until__lte=Now())
        return self.queued().filter(is_free, next_attempt_at__lte=Now())

    def to_addresses_with(self, text: str) -> Self:
        """Return the mails to email addresses that begin with `text`, ignoring case. Uses the index `mail_recipient`.

        The database lower-cases both; which letters it knows depends on its locale.
        """
        text = as_typed(text)
        return self.alias(address=Lower("recipient")).filter(address__startswith=Lower(Value(text))) if text else self


class OutgoingMail(TimestampedModel):
    """One mail to one address.

    It holds the data that the mail is built from, never its content: tokens are created, and templates rendered, when
    it is sent.

    Attributes:
        template: the name that its function is registered under (see `mail.registry`).
        recipient: the email address. If the function chooses another one, the one that it was sent to.
        user: the account that it is about.
        context: ids and words for the function; never a token.
        idempotency_key: of two mails with the same key, only the first is saved.
        claimed_until: (UTC) until when only one worker may send it.
        next_attempt_at: (UTC) when it is tried (again); the queue is in this order.
        message_id: its Message-ID; the same at every attempt, so that mail programs show a duplicate once.
        provider_id: the provider's id for it, used by webhooks.
    """

    template = models.CharField(_("mail"), max_length=64)
    recipient = models.CharField(_("to"), max_length=320)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("person"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="mails",
        db_index=False,
    )
    language = models.CharField(_("language"), max_length=16, blank=True)
    context = models.JSONField(default=dict)
    idempotency_key = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001 - many have none
    state = models.CharField(_("state"), max_length=16, choices=MailState, default=MailState.QUEUED)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), db_default=Now())
    claimed_until = models.DateTimeField(null=True)
    last_error = models.TextField(_("last error"), blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    message_id = models.CharField(_("Message-ID"), max_length=255, unique=True)
    provider_id = models.CharField(_("provider's id"), max_length=255, blank=True)
    request_id = models.CharField(_("request"), max_length=64, blank=True)

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        ordering = ("-created_at", "-id")
        default_permissions = ("view",)
        permissions = (("send_outgoingmail", _("Can send mails again, send test mails and lift suppressions")),)
        indexes = (
            models.Index(fields=["-created_at", "-id"], name="mail_created"),
            models.Index(fields=["user", "-created_at"], name="mail_user"),
            models.Index(fields=["state", "-created_at"], name="mail_state"),
            models.Index(fields=["next_attempt_at"], name="mail_queued", condition=Q(state=MailState.QUEUED)),
            models.Index(fields=["provider_id"], name="mail_provider", condition=~Q(provider_id="")),
            models.Index(fields=["template", "-created_at"], name="mail_template"),
            models.Index(
                OpClass(Lower("recipient"), "text_pattern_ops"), F("created_at").desc(), name="mail_recipient"
            ),
        )
        constraints = (
            models.CheckConstraint(condition=Q(state__in=MailState.values), name="mail_state_known"),
            models.CheckConstraint(condition=~Q(state=MailState.SENT) | Q(sent_at__isnull=False), name="mail_sent_at"),
        )

    def __str__(self) -> str:
        return f"{self.template} → {self.recipient}"

    @property
    def is_postponed(self) -> bool:
        """Whether it waits for a later attempt and no worker is sending it."""
        now = timezone.now()
        is_claimed = self.claimed_until is not None and self.claimed_until > now
        return self.state == MailState.QUEUED and self.next_attempt_at > now and not is_claimed


class SuppressedAddress(models.Model):
    """An email address that gets no mail because mail to it bounced permanently or its owner complained."""

    address = models.CharField(_("address"), max_length=320, unique=True)  # normalized
    reason = models.CharField(_("reason"), max_length=200)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = _("suppressed address")
        verbose_name_plural = _("suppressed addresses")
        ordering = ("-created_at",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.address
