"""Test data. Factories save rows directly, in a state that the constraints allow, without mails and events."""

from datetime import timedelta
from typing import Any, Protocol, cast

import factory
from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status

PASSWORD = "correct horse battery staple"


class _UserFactory(factory.django.DjangoModelFactory[User]):
    """A factory for users, by default active with a verified email address.

    `UserFactory(status=Status.SUSPENDED)` also sets the fields that the constraints require for that status.
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
        return timezone.now() if self.verified and self.status != Status.PENDING_EMAIL_VERIFICATION else None

    @factory.lazy_attribute
    def awaiting_since(self) -> Any:
        return timezone.now() - timedelta(hours=1) if self.status == Status.PENDING_ADMIN_APPROVAL else None

    @factory.lazy_attribute
    def decided_at(self) -> Any:
        return timezone.now() if self.status == Status.REJECTED else None

    @factory.lazy_attribute
    def rejection_count(self) -> int:
        return 1 if self.status == Status.REJECTED else 0

    @factory.lazy_attribute
    def status_reason(self) -> str:
        return "for a reason" if self.status in {Status.REJECTED, Status.SUSPENDED} else ""


class MakesUsers(Protocol):
    """The types of the factory's methods, which factory_boy doesn't declare."""

    def __call__(self, **fields: Any) -> User:
        """Return a saved user."""

    def build(self, **fields: Any) -> User:
        """Return an unsaved user."""

    def create_batch(self, size: int, **fields: Any) -> list[User]:
        """Return saved users."""


UserFactory = cast("MakesUsers", _UserFactory)


def superuser(**fields: Any) -> User:
    """Return an active superuser."""
    return UserFactory(is_staff=True, is_superuser=True, **fields)


def approver(*permissions: str, **fields: Any) -> User:
    """Return a staff user with these permissions of the app (by default `view_user` and `approve_user`)."""
    from django.contrib.auth.models import Permission

    user = UserFactory(is_staff=True, **fields)
    names = permissions or ("view_user", "approve_user")
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="keystone", codename__in=names).exclude(
            content_type__model="awaitingdecision"
        )
    )
    return user
