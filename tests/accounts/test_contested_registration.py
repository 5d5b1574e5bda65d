"""Registering an address that somebody else has registered before, and nobody has proved."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.mail import EmailMessage
from pytest_django import Settings

from keystone.accounts import lifecycle
from keystone.accounts.models import User
from keystone.accounts.password_reset import reset_password
from keystone.accounts.registration import register_user
from keystone.accounts.status import Status
from keystone.accounts.tokens import InvalidToken, Purpose
from keystone.accounts.verification import verify_email
from keystone.actors.actor import Actor
from keystone.sign_in.with_tokens import InvalidCredentials, sign_in
from keystone.testing.factories import PASSWORD, UserFactory
from tests.accounts.mailed_links import token_for, token_in, wait

pytestmark = pytest.mark.django_db
Committed = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]


@pytest.fixture
def register(django_capture_on_commit_callbacks: Committed) -> Callable[..., None]:
    """Registers, and lets what waits for the commit run."""

    def register(email: str = "ann@example.com", **fields: str) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            register_user(email=email, **{"password": "a good long one", "first_name": "Ann", **fields})

    return register


STRANGER, OWNER = "the stranger's password", "the password of the owner"


@pytest.mark.parametrize("flow", ["email_verification", "email_verification_and_admin_approval", "admin_approval"])
@pytest.mark.parametrize("order", [(STRANGER, OWNER), (OWNER, STRANGER)])
@pytest.mark.parametrize("clicked", [0, 1])
def test_whoever_registers_first_has_no_way_into_the_account_of_the_owner(
    register: Callable[..., None],
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: Committed,
    settings: Settings,
    flow: str,
    order: tuple[str, str],
    clicked: int,
) -> None:
    """The owner may use the link of either registration: no password of before works, only the one chosen then."""
    settings.KEYSTONE = {"DEFAULT_USER_APPROVAL_FLOW": flow}
    register(password=order[0])
    wait(timedelta(minutes=1))
    register(password=order[1])
    user = User.objects.get()
    assert not user.has_usable_password()
    tokens = [token_in(mail, "verify-email") for mail in mailoutbox]
    mailoutbox.clear()

    with django_capture_on_commit_callbacks(execute=True):
        verify_email(tokens[clicked])
    with pytest.raises(InvalidToken):
        verify_email(tokens[1 - clicked])
    user.refresh_from_db()
    if not user.is_active:
        lifecycle.approve_user(user, by=Actor.system(), notify=False)
    for password in order:
        with pytest.raises(InvalidCredentials):
            sign_in(email="ann@example.com", password=password)

    [choose] = [mail for mail in mailoutbox if mail.subject == "Choose your password"]
    assert choose.to == ["ann@example.com"]
    reset_password(token_in(choose, "reset-password"), new_password="chosen by the owner")
    assert sign_in(email="ann@example.com", password="chosen by the owner").access


def test_registering_twice_with_the_same_password_takes_nothing(
    register: Callable[..., None], mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    register(first_name="Ann")
    register(first_name="Anne")
    user = User.objects.get()
    assert (user.check_password("a good long one"), user.first_name) == (True, "Ann")
    with django_capture_on_commit_callbacks(execute=True):
        verify_email(token_in(mailoutbox[0], "verify-email"))
    assert [mail.subject for mail in mailoutbox] == ["Confirm your email address", "We received your registration"]


def test_a_password_that_was_taken_does_not_come_back(register: Callable[..., None]) -> None:
    for password in ("a good long one", "another long one", "a good long one"):
        register(password=password)
    assert not User.objects.get().has_usable_password()


def test_a_proved_address_keeps_its_password_whoever_registers(register: Callable[..., None]) -> None:
    for status in (Status.ACTIVE, Status.PENDING_ADMIN_APPROVAL):
        user = UserFactory(status=status, first_name="Ann")
        register(email=user.email, password="another long one", first_name="Mallory")
        user.refresh_from_db()
        assert (user.check_password(PASSWORD), user.first_name) == (True, "Ann")


@pytest.mark.parametrize(
    ("status", "verified", "taken"),
    [
        (Status.PENDING_EMAIL_VERIFICATION, False, True),
        (Status.REJECTED, False, True),  # it may be reopened
        (Status.REJECTED, True, False),
        (Status.ACTIVE, False, False),  # somebody has been let in with it
        (Status.SUSPENDED, False, False),
        (Status.DEACTIVATED, False, False),
    ],
)
def test_a_password_is_taken_while_the_account_is_nobodys(
    register: Callable[..., None], status: Status, verified: bool, taken: bool
) -> None:
    user = UserFactory(status=status, verified=verified)
    register(email=user.email)
    user.refresh_from_db()
    assert user.has_usable_password() is not taken


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.REJECTED, Status.DEACTIVATED])
def test_who_cannot_sign_in_is_mailed_no_link_to_choose_a_password(
    status: Status, mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    user = UserFactory(status=status, verified=False, password=make_password(None))
    with django_capture_on_commit_callbacks(execute=True):
        verify_email(token_for(user, Purpose.VERIFY_EMAIL))
    assert mailoutbox == []
