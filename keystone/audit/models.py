"""`AuditEvent`: one row per event, saved in the transaction of the change that it records."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from keystone.actors.actor import ActorKind
from keystone.caching.versions import VersionedQuerySet, versioned


@versioned
class AuditEvent(models.Model):
    """An event: who did what to whom, when, from where and why. A trigger refuses every change and deletion.

    Foreign keys to accounts are not enforced: the log outlives the accounts and keeps their labels.
    """

    created_at = models.DateTimeField(_("when"), db_default=Now(), editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("who"),
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,  # the index audit_actor begins with it
        related_name="+",
    )
    actor_kind = models.CharField(_("kind of actor"), max_length=20, choices=ActorKind)
    actor_label = models.CharField(_("who"), max_length=320)
    action = models.CharField(_("action"), max_length=60)
    target_type = models.CharField(_("kind of target"), max_length=60)
    target_id = models.CharField(_("target id"), max_length=64)
    target_label = models.CharField(_("target"), max_length=320)
    reason = models.TextField(_("reason"), blank=True)
    note = models.TextField(_("internal note"), blank=True)
    changes = models.JSONField(_("changes"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    ip_address = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    request_id = models.CharField(_("request id"), max_length=64, blank=True)

    objects = VersionedQuerySet["AuditEvent"].as_manager()

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ("-created_at", "-id")
        default_permissions = ("view",)
        permissions = (("export_auditevent", _("Can export the audit log")),)
        indexes = (
            models.Index(fields=["-created_at", "-id"], name="audit_created"),
            models.Index(fields=["action", "-created_at"], name="audit_action"),
            models.Index(fields=["target_id", "-created_at", "-id"], name="audit_target"),
            models.Index(fields=["actor", "-created_at"], name="audit_actor"),
            models.Index(fields=["actor_kind", "-created_at"], name="audit_actor_kind"),
            models.Index(
                fields=["ip_address"],
                name="audit_registered_from",
                condition=models.Q(action="user.registered", ip_address__isnull=False),
            ),
            models.Index(fields=["request_id"], name="audit_request", condition=~models.Q(request_id="")),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.target_label}"
