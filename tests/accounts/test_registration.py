import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.db import IntegrityError, connection
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts.authority import ProtectedAccount
from keystone.accounts.lifecycle import reject_user
from keystone.accounts.models import User
from keystone.accounts.registration import AddressTaken, create_user, register_user
from keystone.accounts.status import ApprovalFlow, Status
from keystone.accounts.tokens import InvalidToken, OneTimeToken, digest
from keystone.accounts.verification import resend_verification, verify_email
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.observability.origin import origin
from keystone.testing.factories import UserFactory, approver, superuser
from keystone.throttling.limits import TooManyAttempts
from tests.accounts.mailed_links import wait

pytestmark = pytest.mark.django_db
Committed = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]
LINK = re.compile(r"http://localhost:8000/verify-email/([\w-]{43})/")


@pytest.fixture
def register(django_capture_on_commit_callbacks: Committed) -> Callable[..., None]:
    """Registers, and lets what waits for the commit run."""

    def register(email: str = "ann@example.com", **fields: str) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            register_user(email=email, **{"password": "a good long one", "first_name": "Ann", **fields})

    return register


def links(mail: EmailMessage) -> list[str]:
    return LINK.findall(str(mail.body))


@pytest.mark.parametrize(
    ("flow", "status", "mails"),
    [
        ("none", Status.ACTIVE, 0),
        ("email_verification", Status.PENDING_EMAIL_VERIFICATION, 1),
        ("admin_approval", Status.PENDING_ADMIN_APPROVAL, 1),
        ("email_verification_and_admin_approval", Status.PENDING_EMAIL_VERIFICATION, 1),
    ],
)
def test_register_starts_the_flow_in_force(
    register: Callable[..., None],
    settings: Settings,
    mailoutbox: list[EmailMessage],
    flow: str,
    status: Status,
    mails: int,
) -> None:
    settings.KEYSTONE = {"DEFAULT_USER_APPROVAL_FLOW": flow}
    register(email="Ann@Example.com", last_name="Bee")
    user = User.objects.get()
    assert (user.email, user.email_normalized) == ("Ann@Example.com", "ann@example.com")
    assert (user.first_name, user.last_name, user.status, user.approval_flow) == ("Ann", "Bee", status, flow)
    assert user.check_password("a good long one")
    assert user.email_verified_at is None
    assert len(mailoutbox) == mails
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_kind, event.actor_id) == ("user.registered", "person", user.pk)
    settings.KEYSTONE = {"DEFAULT_USER_APPROVAL_FLOW": "none"}
    user.refresh_from_db()
    assert user.approval_flow == flow


def test_the_link_of_the_mail_moves_the_person_on(
    register: Callable[..., None], mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    register()
    [token] = links(mailoutbox[0])
    assert OneTimeToken.objects.get().digest == digest(token)
    with django_capture_on_commit_callbacks(execute=True):
        user = verify_email(token)
    stored = User.objects.get()
    assert user == stored
    assert (stored.status, stored.email_verified_at) == (Status.PENDING_ADMIN_APPROVAL, user.email_verified_at)
    assert stored.awaiting_since == user.email_verified_at
    assert len(mailoutbox) == 2
    event = AuditEvent.objects.get(action="user.email_verified")
    assert event.changes["status"] == ["pending_email_verification", "pending_admin_approval"]
    with django_capture_on_commit_callbacks(execute=True):
        assert verify_email(token) == user  # again, which changes nothing
    assert (User.objects.get().updated_at, len(mailoutbox)) == (stored.updated_at, 2)
    assert AuditEvent.objects.filter(action="user.email_verified").count() == 1


def test_verification_alone_activates_where_the_flow_says_so(
    register: Callable[..., None], mailoutbox: list[EmailMessage], settings: Settings
) -> None:
    settings.KEYSTONE = {"DEFAULT_USER_APPROVAL_FLOW": "email_verification"}
    register()
    settings.KEYSTONE = {}
    [token] = links(mailoutbox[0])
    assert verify_email(token).status == Status.ACTIVE
    assert User.objects.get().is_active


def test_verification_of_somebody_in_the_queue_only_proves_the_address(
    register: Callable[..., None], mailoutbox: list[EmailMessage], settings: Settings
) -> None:
    settings.KEYSTONE = {"DEFAULT_USER_APPROVAL_FLOW": "admin_approval"}
    register()
    before = User.objects.get()
    [token] = links(mailoutbox[0])
    verify_email(token)
    after = User.objects.get()
    assert (after.status, after.awaiting_since) == (before.status, before.awaiting_since)
    assert after.email_verified_at is not None


def test_a_token_expires(register: Callable[..., None], mailoutbox: list[EmailMessage]) -> None:
    register()
    OneTimeToken.objects.update(expires_at=timezone.now())
    with pytest.raises(InvalidToken):
        verify_email(links(mailoutbox[0])[0])


def test_a_token_dies_with_a_change_of_the_address(
    register: Callable[..., None], mailoutbox: list[EmailMessage]
) -> None:
    register()
    user = User.objects.get()
    user.email = "other@example.com"
    user.save()
    with pytest.raises(InvalidToken):
        verify_email(links(mailoutbox[0])[0])


@pytest.mark.parametrize("token", ["", "x", "\ud800", "a" * 43])
def test_no_token_at_all_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken):
        verify_email(token)


def test_a_link_that_is_late_is_not_mailed_to_who_was_rejected_meanwhile(
    mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    with django_capture_on_commit_callbacks() as late:
        register_user(email="ann@example.com", password="a good long one", first_name="Ann")
    reject_user(User.objects.get(), by=Actor.system(), notify=False)
    for callback in late:
        callback()
    assert mailoutbox == []
    assert not OneTimeToken.objects.exists()


def test_registering_again_tells_the_owner_once_per_interval(
    register: Callable[..., None], mailoutbox: list[EmailMessage]
) -> None:
    UserFactory(email="ann@example.com", first_name="Ann")
    register(email="ANN@example.com", first_name="Mallory", password="stolen password")
    register(email="Ann@example.com", first_name="Mallory")
    [mail] = mailoutbox
    assert mail.to == ["ann@example.com"]
    assert "Mallory" not in mail.body
    assert links(mail) == []
    user = User.objects.get()
    assert (user.first_name, user.check_password("stolen password")) == ("Ann", False)
    wait(timedelta(minutes=5))
    register()
    assert len(mailoutbox) == 2


def test_registering_again_before_verifying_sends_another_link(
    register: Callable[..., None], mailoutbox: list[EmailMessage]
) -> None:
    register()
    register()
    assert len(mailoutbox) == 1
    wait(timedelta(minutes=5))
    register()
    first, second = (links(mail)[0] for mail in mailoutbox)
    verify_email(second)
    with pytest.raises(InvalidToken):
        verify_email(first)


def test_registering_is_limited_by_ip_address(settings: Settings) -> None:
    settings.KEYSTONE = {"REQUESTS_PER_IP": 1}
    with origin(ip_address="192.0.2.7"):
        register_user(email="ann@example.com", password="a good long one")
        with pytest.raises(TooManyAttempts):
            register_user(email="bob@example.com", password="a good long one")
        with pytest.raises(TooManyAttempts):
            resend_verification("ann@example.com")
    assert User.objects.count() == 1


def test_register_does_not_hide_a_fault_of_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE keystone_auditevent ADD CONSTRAINT broken CHECK (action <> 'user.registered')")
    with pytest.raises(IntegrityError, match="broken"):
        register_user(email="ann@example.com", password="x")


def test_register_refuses_what_is_no_address() -> None:
    with pytest.raises(ValidationError):
        register_user(email="ann", password="x")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("status", "mails"),
    [(Status.PENDING_EMAIL_VERIFICATION, 1), (Status.ACTIVE, 0), (Status.REJECTED, 0), (Status.SUSPENDED, 0)],
)
def test_resend_mails_only_who_still_needs_it(
    status: Status, mails: int, mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    UserFactory(email="ann@example.com", status=status)
    with django_capture_on_commit_callbacks(execute=True):
        resend_verification("Ann@Example.com")
        resend_verification("ann@example.com")
        resend_verification("nobody@example.com")
    assert len(mailoutbox) == mails


def test_create_user_makes_an_active_account_and_tells_the_person(
    mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    admin = superuser()
    with django_capture_on_commit_callbacks(execute=True):
        user = create_user(email="Bob@Example.com", first_name="Bob", by=Actor.administrator(admin))
    stored = User.objects.get(pk=user.pk)
    assert (stored.status, stored.approval_flow, stored.is_staff) == ("active", ApprovalFlow.NONE, False)
    assert not stored.has_usable_password()
    assert [mail.to for mail in mailoutbox] == [["Bob@Example.com"]]
    event = AuditEvent.objects.get(action="user.created")
    assert (event.actor_id, event.target_id) == (admin.pk, str(user.pk))


@pytest.mark.parametrize("field", ["first_name", "last_name"])
def test_create_user_takes_no_name_that_is_a_message(field: str) -> None:
    with pytest.raises(ValidationError, match=r"A name has no web address in it\."):
        create_user(email="ann@example.com", by=Actor.cli(), **{field: "see www.evil.example"})  # type: ignore[arg-type]  # a name
    assert not User.objects.exists()


def test_create_user_tells_an_administrator_that_an_address_is_taken() -> None:
    UserFactory(email="bob@example.com")
    with pytest.raises(AddressTaken) as caught:
        create_user(email="BOB@example.com", by=Actor.cli())
    assert caught.value.fields == {"email": ["A person with this email address already exists."]}
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("role", ["is_staff", "is_superuser"])
def test_staff_cannot_make_staff_or_superusers(role: str) -> None:
    staff = approver("add_user")
    for by in (Actor.administrator(staff), Actor.person(staff)):
        with pytest.raises(ProtectedAccount):
            create_user(
                email="bob@example.com", by=by, is_staff=role == "is_staff", is_superuser=role == "is_superuser"
            )
    assert not User.objects.filter(email="bob@example.com").exists()
