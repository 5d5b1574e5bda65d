"""Test data. A factory writes a row directly, in a state that the constraints allow, with no mail and no event."""

from datetime import timedelta
from typing import Any, Protocol, cast

import factory
from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status

PASSWORD = "correct horse battery staple"


class _UserFactory(factory.django.DjangoModelFactory[User]):
    """An active person with a verified address, unless told otherwise.

    `UserFactory(status=Status.SUSPENDED)` also sets what the constraints want of that status.
    """

    class Meta:
        model = User
        skip_postgeneration_save = True

    class Params:
        verified = True

    email = factory.Sequence(lambda number: f"person{number}@example.com")
    first_name = factory.Sequence(lambda number: f"Person{number}")
    last_name = "Example"
    password = factory.django.Password(PASSWORD)
    status = Status.ACTIVE
    approval_flow = ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL
    status_changed_at = factory.LazyFunction(timezone.now)

    @factory.lazy_attribute
    def email_verified_at(self) -> Any:
        """Verified, unless the status says otherwise."""
        return timezone.now() if self.verified and self.status != Status.PENDING_EMAIL_VERIFICATION else None

    @factory.lazy_attribute
    def awaiting_since(self) -> Any:
        """An hour ago, of those who wait."""
        return timezone.now() - timedelta(hours=1) if self.status == Status.PENDING_ADMIN_APPROVAL else None

    @factory.lazy_attribute
    def decided_at(self) -> Any:
        """Now, of those who were rejected."""
        return timezone.now() if self.status == Status.REJECTED else None

    @factory.lazy_attribute
    def rejection_count(self) -> int:
        """One, of those who were rejected."""
        return 1 if self.status == Status.REJECTED else 0

    @factory.lazy_attribute
    def status_reason(self) -> str:
        """A reason, of those who were given one."""
        return "for a reason" if self.status in {Status.REJECTED, Status.SUSPENDED} else ""


class MakesUsers(Protocol):
    """The factory's calls, with their types, which factory_boy does not give."""

    def __call__(self, **fields: Any) -> User:
        """A saved person."""

    def build(self, **fields: Any) -> User:
        """A person who is not saved."""

    def create_batch(self, size: int, **fields: Any) -> list[User]:
        """Saved people."""


UserFactory = cast("MakesUsers", _UserFactory)


def superuser(**fields: Any) -> User:
    """An active superuser."""
    return UserFactory(is_staff=True, is_superuser=True, **fields)


def approver(*permissions: str, **fields: Any) -> User:
    """Staff without superuser, with these permissions of the app (default: view and decide)."""
    from django.contrib.auth.models import Permission

    user = UserFactory(is_staff=True, **fields)
    names = permissions or ("view_user", "approve_user")
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="keystone", codename__in=names).exclude(
            content_type__model="awaitingdecision"
        )
    )
    return user
