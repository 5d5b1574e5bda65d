"""The kinds of caller that the API tells apart."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.models import Permission
from django.utils import timezone
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.testing.factories import UserFactory

SignedIn = Callable[[User], APIClient]


@dataclass(frozen=True)
class Role:
    """A kind of caller.

    Attributes:
        name: for the test's id.
        token: whether the caller sends an access token.
        active: whether the account of that token is active; if not, it was active when the token was made.
        staff: whether the account is staff.
        superuser: whether it is a superuser.
        permissions: the model permissions that it holds, without the app's label.
    """

    name: str
    token: bool = True
    active: bool = True
    staff: bool = False
    superuser: bool = False
    permissions: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.name

    @property
    def signed_in(self) -> bool:
        """Whether the API knows the caller: an active account with a live session."""
        return self.token and self.active

    def make(self) -> User:
        """An account in this role; for somebody anonymous, one whose token is not sent."""
        user = UserFactory(is_staff=self.staff, is_superuser=self.superuser)
        if self.permissions:
            held = Permission.objects.filter(content_type__app_label="keystone", codename__in=self.permissions)
            user.user_permissions.set(held.exclude(content_type__model="awaitingdecision"))
        return user

    def client(self, user: User, signed_in: SignedIn) -> APIClient:
        """A client that calls as `user`, an account that `make` made."""
        if not self.token:
            return APIClient()
        client = signed_in(user)
        if not self.active:
            User.objects.filter(pk=user.pk).update(status=Status.PENDING_ADMIN_APPROVAL, awaiting_since=timezone.now())
        return client


def authorization(client: APIClient) -> str:
    """The Authorization header that a signed-in client sends; empty for an anonymous one."""
    credentials: dict[str, str] = client._credentials  # type: ignore[attr-defined]  # missing from the stubs
    return credentials.get("HTTP_AUTHORIZATION", "")


ANONYMOUS = Role("anonymous", token=False)
PENDING = Role("pending", active=False)
PERSON = Role("person")
STAFF = Role("staff", staff=True)
APPROVER = Role("approver", staff=True, permissions=frozenset({"view_user", "approve_user"}))
SUPERUSER = Role("superuser", staff=True, superuser=True)


def holder(permission: str) -> Role:
    """Staff who hold one model permission and no other."""
    return Role(permission, staff=True, permissions=frozenset({permission}))


def former_staff(permissions: frozenset[str]) -> Role:
    """Somebody who holds permissions still, but is no longer staff."""
    return Role("former-staff", permissions=permissions)
