"""What the tests of the admin's pages share."""

from typing import Any

from django.contrib.messages import get_messages
from django.test import Client

from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status
from keystone.testing.factories import UserFactory

QUEUE = "/admin/keystone/awaitingdecision/"
PEOPLE = "/admin/keystone/user/"
DECISION = {"reason": "", "note": "", "notify": "on"}
NAMES = {"first_name": "Ann", "last_name": "Smith"}


def browser(user: User) -> Client:
    """A browser that somebody has signed in with."""
    client = Client()
    client.force_login(user)
    return client


def page_of(user: User) -> str:
    """The address of a person's page."""
    return f"{PEOPLE}{user.pk}/change/"


def waiting(**fields: Any) -> User:
    """Somebody who waits for a decision."""
    return UserFactory(status=Status.PENDING_ADMIN_APPROVAL, **fields)


def unverified(**fields: Any) -> User:
    """Somebody who waits for a decision and need not verify their address first."""
    return waiting(approval_flow=ApprovalFlow.ADMIN_APPROVAL, verified=False, **fields)


def listed(response: Any) -> list[str]:
    """The addresses in a list, in order."""
    return [user.email for user in response.context["cl"].result_list]


def told(response: Any) -> list[str]:
    """The messages that a response leaves behind."""
    return [str(message) for message in get_messages(response.wsgi_request)]
