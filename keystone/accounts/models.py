"""The `User` model: a person's account, with constraints that make impossible states impossible."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from keystone import email_address
from keystone.accounts.hooks import password_saved
from keystone.accounts.managers import UserManager, email_domain, search_document
from keystone.accounts.names import composed, validate_name
from keystone.accounts.status import PENDING, ApprovalFlow, Status
from keystone.caching.versions import versioned
from keystone.timestamps import TimestampedModel

__all__ = ["ApprovalFlow", "Status", "User"]


@versioned
class User(AbstractBaseUser, PermissionsMixin, TimestampedModel):
    """A user account. Never set its status directly: use the functions in `lifecycle`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("email address"), max_length=email_address.MAX_LENGTH)
    email_normalized = models.CharField(
        _("normalized address"), max_length=email_address.MAX_LENGTH, unique=True, editable=False
    )
    first_name = models.CharField(_("first name"), max_length=100, blank=True, validators=[validate_name])
    last_name = models.CharField(_("last name"), max_length=100, blank=True, validators=[validate_name])

    status = models.CharField(_("status"), max_length=32, choices=Status, editable=False)
    status_changed_at = models.DateTimeField(_("in this status since"), editable=False)
    status_reason = models.TextField(_("reason given"), blank=True, editable=False)
    approval_flow = models.CharField(_("approval flow"), max_length=48, choices=ApprovalFlow, editable=False)
    is_active = models.GeneratedField(
        expression=Q(status=Status.ACTIVE),  # type: ignore[arg-type]  # a condition is an expression here
        output_field=models.BooleanField(_("active")),
        db_persist=True,
    )
    email_verified_at = models.DateTimeField(_("email verified"), null=True, blank=True, editable=False)
    awaiting_since = models.DateTimeField(_("awaiting decision since"), null=True, blank=True, editable=False)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True, editable=False)
    rejection_count = models.PositiveSmallIntegerField(_("previous rejections"), default=0, editable=False)
    access_ends_at = models.DateTimeField(
        _("access ends"), null=True, blank=True, help_text=_("The account is deactivated at this time (UTC).")
    )
    suspended_until = models.DateTimeField(_("suspended until"), null=True, blank=True, editable=False)
    expiry_warned_at = models.DateTimeField(null=True, blank=True, editable=False)
    access_version = models.PositiveIntegerField(default=1, db_default=1, editable=False)

    # Without indexes of their own: `user_created` has the first, and nothing asks for the second.
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("changed"), auto_now=True, editable=False)
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True, editable=False)

    search_words = models.GeneratedField(
        expression=search_document(), output_field=SearchVectorField(), db_persist=True
    )

    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("May sign in to the admin."))

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["first_name", "last_name"]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ("-created_at", "-id")
        default_permissions = ("add", "change", "view")  # accounts are deactivated, not deleted
        permissions = (
            ("approve_user", _("Can approve and reject people")),
            ("suspend_user", _("Can suspend, reactivate and deactivate people")),
            ("export_user", _("Can export people")),
            ("erase_user", _("Can erase people")),
        )
        indexes = (
            models.Index(fields=["-created_at", "-id"], name="user_created"),
            models.Index(fields=["last_name", "id"], name="user_last_name"),
            models.Index(fields=["status", "-created_at", "-id"], name="user_status"),
            models.Index(fields=["approval_flow", "-created_at", "-id"], name="user_flow"),
            models.Index(
                fields=["-created_at", "-id"], name="user_unverified", condition=Q(email_verified_at__isnull=True)
            ),
            models.Index(fields=["-created_at", "-id"], name="user_staff", condition=Q(is_staff=True)),
            # The queue: both statuses, one of them, and those who were rejected before.
            models.Index(fields=["status_changed_at", "id"], name="user_undecided", condition=Q(status__in=PENDING)),
            models.Index(
                fields=["awaiting_since", "id"], name="user_queue", condition=Q(status=Status.PENDING_ADMIN_APPROVAL)
            ),
            models.Index(
                fields=["status_changed_at", "id"],
                name="user_queue_unverified",
                condition=Q(status=Status.PENDING_EMAIL_VERIFICATION),
            ),
            models.Index(
                fields=["awaiting_since", "id"],
                name="user_queue_again",
                condition=Q(status=Status.PENDING_ADMIN_APPROVAL, rejection_count__gt=0),
            ),
            models.Index(fields=["decided_at"], name="user_decided", condition=Q(decided_at__isnull=False)),
            models.Index(fields=["access_ends_at"], name="user_ends", condition=Q(access_ends_at__isnull=False)),
            models.Index(fields=["suspended_until"], name="user_lifted", condition=Q(suspended_until__isnull=False)),
            models.Index(fields=["id"], name="user_superusers", condition=Q(is_superuser=True)),
            GinIndex(fields=["search_words"], name="user_search"),
            models.Index(email_domain(), name="user_domain"),
        )
        constraints = (
            models.UniqueConstraint(fields=["email"], name="user_email"),  # without an index for LIKE
            models.CheckConstraint(condition=Q(status__in=Status.values), name="user_status_known"),
            models.CheckConstraint(condition=Q(approval_flow__in=ApprovalFlow.values), name="user_flow_known"),
            models.CheckConstraint(
                condition=~Q(status=Status.PENDING_EMAIL_VERIFICATION) | Q(email_verified_at__isnull=True),
                name="user_pending_email_is_unverified",
            ),
            models.CheckConstraint(
                condition=~Q(
                    status=Status.PENDING_ADMIN_APPROVAL,
                    approval_flow=ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL,
                )
                | Q(email_verified_at__isnull=False),
                name="user_queued_after_verification",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.PENDING_ADMIN_APPROVAL) | Q(awaiting_since__isnull=False),
                name="user_queued_since",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.REJECTED) | Q(decided_at__isnull=False, rejection_count__gt=0),
                name="user_rejected_at",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.SUSPENDED) | ~Q(status_reason=""),
                name="user_suspended_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.SUSPENDED) | Q(suspended_until__isnull=True),
                name="user_only_suspended_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(erased_at=None)
                | Q(status=Status.DEACTIVATED, is_staff=False, is_superuser=False, first_name="", last_name=""),
                name="user_erased_is_nobody",
            ),
            models.CheckConstraint(condition=Q(is_superuser=False) | Q(is_staff=True), name="user_superuser_is_staff"),
            models.CheckConstraint(
                condition=~Q(email_normalized="") & Q(email_normalized__contains="@"),
                name="user_has_an_address",
            ),
        )

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Normalize the email address and the names, then save.

        If Django's `set_password` was called on an existing account, as `manage.py changepassword` does, access is
        revoked as after any password change.
        """
        self.email = email_address.as_typed(self.email)
        self.email_normalized = email_address.normalize(self.email)
        self.first_name, self.last_name = composed(self.first_name), composed(self.last_name)
        fields = kwargs.get("update_fields")
        if fields is not None and "email" in fields:
            kwargs["update_fields"] = {*fields, "email_normalized"}
        is_another = getattr(self, "_password", None) is not None and not self._state.adding
        with transaction.atomic():
            super().save(*args, **kwargs)
            if is_another:
                password_saved(self)

    def clean(self) -> None:
        """Refuse an email address that another account already has in any spelling."""
        super().clean()
        self.email_normalized = email_address.normalize(self.email)
        if type(self).objects.filter(email_normalized=self.email_normalized).exclude(pk=self.pk).exists():
            raise ValidationError({"email": _("A person with this email address already exists.")}, code="unique")

    def set_status(self, status: Status, *, at: datetime) -> dict[str, Any]:
        """Set the status and the time since when it applies (`at`, UTC), without saving. The caller saves it.

        Returns:
            The columns to write with it, for an INSERT or UPDATE.
        """
        values: dict[str, Any] = {"status": status, "status_changed_at": at}
        if status is Status.PENDING_ADMIN_APPROVAL:
            values["awaiting_since"] = at
        for name, value in values.items():
            setattr(self, name, value)
        self.is_active = status is Status.ACTIVE  # as the database will generate it
        return values

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Return a hash that changes with the password, the status and each `revoke_access`.

        This ends admin sessions for good.
        """
        since = self.status_changed_at.isoformat()
        return salted_hmac(
            "keystone.accounts.session",
            f"{self.password} {since} {self.access_version}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    def get_full_name(self) -> str:
        """Return the first and last name, or the email address if both are empty."""
        return f"{self.first_name} {self.last_name}".strip() or self.email

    def get_short_name(self) -> str:
        """Return the first name, or the full name if it is empty."""
        return self.first_name or self.get_full_name()

    @property
    def is_pending(self) -> bool:
        """Whether the account can still be approved or rejected."""
        return self.status in PENDING

    @property
    def can_be_mailed_a_password_link(self) -> bool:
        """Whether a password set by email is of use: to sign in now, or once the person is approved."""
        return self.status == Status.ACTIVE or self.is_pending

    @property
    def needs_verification(self) -> bool:
        """Whether the email address still needs a verification link."""
        return self.email_verified_at is None and self.is_pending

    @property
    def is_unclaimed(self) -> bool:
        """Whether the email address is unverified and nobody was let in, so that the account's owner is unknown."""
        return self.email_verified_at is None and (self.is_pending or self.status == Status.REJECTED)

    @property
    def flow(self) -> ApprovalFlow:
        return ApprovalFlow(self.approval_flow)
