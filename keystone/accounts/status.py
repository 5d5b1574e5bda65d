"""The statuses of an account, and the approval flows."""

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """The six statuses of an account. Only active accounts can sign in."""

    PENDING_EMAIL_VERIFICATION = "pending_email_verification", _("Email not verified")
    PENDING_ADMIN_APPROVAL = "pending_admin_approval", _("Awaiting decision")
    ACTIVE = "active", _("Active")
    REJECTED = "rejected", _("Rejected")
    SUSPENDED = "suspended", _("Suspended")
    DEACTIVATED = "deactivated", _("Deactivated")


# Accounts in these statuses can still be approved or rejected.
PENDING = (Status.PENDING_EMAIL_VERIFICATION, Status.PENDING_ADMIN_APPROVAL)


class ApprovalFlow(models.TextChoices):
    """The steps between registration and an active account. The flow is stored on the account at registration."""

    NONE = "none", _("None")
    EMAIL_VERIFICATION = "email_verification", _("Email verification")
    ADMIN_APPROVAL = "admin_approval", _("Approval")
    EMAIL_VERIFICATION_AND_ADMIN_APPROVAL = (
        "email_verification_and_admin_approval",
        _("Email verification and approval"),
    )

    @classmethod
    def parse(cls, value: str) -> Self:
        """Return the flow that a setting names. Upstream's `pending_…` values are aliases.

        Raises:
            ValueError: there is no flow with this name.
        """
        return cls(value.removeprefix("pending_"))

    @property
    def verifies_email(self) -> bool:
        """Whether the account can't become active until its email address is verified."""
        return self in {self.EMAIL_VERIFICATION, self.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL}

    @property
    def wants_approval(self) -> bool:
        """Whether an administrator decides on the account."""
        return self in {self.ADMIN_APPROVAL, self.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL}

    def next_status(self, *, verified: bool) -> Status:
        """Return the status of an account that has not been decided on yet."""
        if self.verifies_email and not verified:
            return Status.PENDING_EMAIL_VERIFICATION
        return Status.PENDING_ADMIN_APPROVAL if self.wants_approval else Status.ACTIVE
