"""Resetting a forgotten password."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from keystone.accounts import lifecycle
from keystone.accounts.models import User
from keystone.accounts.password_reset import mail_reset_link, request_password_reset, reset_password
from keystone.accounts.passwords import PasswordRefused, set_password
from keystone.accounts.status import Status
from keystone.accounts.tokens import InvalidToken, OneTimeToken, Purpose, digest
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.mail.models import MailState, OutgoingMail
from keystone.observability.origin import origin
from keystone.sessions.rotation import refresh
from keystone.sessions.tokens import TokenRefused
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, superuser
from keystone.throttling.limits import TooManyAttempts
from tests.accounts.mailed_links import token_for, token_in, wait

pytestmark = pytest.mark.django_db
Committed = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]
NEW = "another long password"


@pytest.fixture
def ask(django_capture_on_commit_callbacks: Committed) -> Callable[[str], None]:
    """Asks for a link, and lets what waits for the commit run."""

    def ask(email: str) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            request_password_reset(email)

    return ask


def test_the_link_of_the_mail_sets_the_password_and_ends_everything_else(
    ask: Callable[[str], None], mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    user = UserFactory(email="Ann@example.com")
    pair = sign_in(email=user.email, password=PASSWORD)
    browser = Client()
    browser.force_login(user)
    ask("ANN@example.com")
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == (["Ann@example.com"], "Reset your password")
    token = token_in(mail, "reset-password")
    row = OneTimeToken.objects.get(digest=digest(token))
    assert timedelta(minutes=29) < row.expires_at - timezone.now() <= timedelta(minutes=30)

    with django_capture_on_commit_callbacks(execute=True), origin(ip_address="192.0.2.7"):
        assert reset_password(token, new_password=NEW) == user
    user.refresh_from_db()
    assert user.check_password(NEW)
    with pytest.raises(TokenRefused):
        refresh(pair.refresh)
    assert browser.get("/api/me/").status_code == 401
    assert sign_in(email=user.email, password=NEW).access
    assert [event.action for event in AuditEvent.objects.order_by("id")] == [
        "user.signed_in",
        "user.password_reset",
        "user.signed_in",
    ]
    event = AuditEvent.objects.get(action="user.password_reset")
    assert (event.actor_id, event.actor_kind, event.changes) == (user.pk, "person", {})
    assert mailoutbox[1].subject == "Your password was changed"
    assert "from the IP address 192.0.2.7." in " ".join(str(mailoutbox[1].body).split())
    assert NEW not in str(mailoutbox[1].body)


def test_a_password_that_is_refused_keeps_the_link() -> None:
    user = UserFactory(email="ann@example.com")
    token = token_for(user, Purpose.RESET_PASSWORD)
    for bad in ("short", "12345678901", "ann@example.com", "x" * 257):
        with pytest.raises(PasswordRefused) as caught:
            reset_password(token, new_password=bad)
        assert list(caught.value.fields) == ["new_password"]
    assert User.objects.get().check_password(PASSWORD)
    reset_password(token, new_password=NEW)


@pytest.mark.parametrize(
    ("status", "mails"),
    [
        (Status.ACTIVE, 1),
        (Status.PENDING_EMAIL_VERIFICATION, 1),
        (Status.PENDING_ADMIN_APPROVAL, 1),
        (Status.REJECTED, 0),
        (Status.SUSPENDED, 0),
        (Status.DEACTIVATED, 0),
    ],
)
def test_only_those_who_may_sign_in_now_or_later_get_a_link(
    ask: Callable[[str], None], mailoutbox: list[EmailMessage], status: Status, mails: int
) -> None:
    user = UserFactory(email="ann@example.com", status=status)
    ask("ann@example.com")
    assert len(mailoutbox) == mails
    token = token_for(user, Purpose.RESET_PASSWORD)
    if mails:
        assert reset_password(token, new_password=NEW) == user
    else:
        with pytest.raises(InvalidToken):
            reset_password(token, new_password=NEW)
        assert User.objects.get().check_password(PASSWORD)


def test_a_suspension_that_has_ended_is_lifted_first(
    ask: Callable[[str], None], mailoutbox: list[EmailMessage]
) -> None:
    user = UserFactory(status=Status.SUSPENDED, suspended_until=timezone.now() - timedelta(minutes=1))
    ask(user.email)
    assert [mail.subject for mail in mailoutbox] == ["Reset your password"]
    assert User.objects.get().status == Status.ACTIVE


def test_the_link_proves_the_address_of_somebody_who_had_not(
    mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    user = UserFactory(status=Status.PENDING_EMAIL_VERIFICATION)
    other = token_for(user, Purpose.VERIFY_EMAIL)
    with django_capture_on_commit_callbacks(execute=True):
        reset_password(token_for(user, Purpose.RESET_PASSWORD), new_password=NEW)
    user.refresh_from_db()
    assert (user.status, user.email_verified_at is None) == (Status.PENDING_ADMIN_APPROVAL, False)
    assert user.check_password(NEW)
    assert not OneTimeToken.objects.filter(digest=digest(other), used_at__isnull=True).exists()
    assert [mail.subject for mail in mailoutbox] == ["Your password was changed", "We received your registration"]
    assert set(AuditEvent.objects.values_list("action", flat=True)) == {"user.password_reset", "user.email_verified"}


def test_an_account_without_a_password_gets_its_first_one() -> None:
    user = UserFactory(password=make_password(None))
    reset_password(token_for(user, Purpose.RESET_PASSWORD), new_password=NEW)
    assert sign_in(email=user.email, password=NEW).access


def test_a_mailbox_gets_one_link_per_interval(ask: Callable[[str], None], mailoutbox: list[EmailMessage]) -> None:
    UserFactory(email="ann@example.com")
    for spelling in ("ann@example.com", "Ann@Example.com", " ann@example.com "):
        ask(spelling)
    assert len(mailoutbox) == 1
    wait(timedelta(minutes=1))
    ask("ann@example.com")
    assert len(mailoutbox) == 2
    first, second = (token_in(mail, "reset-password") for mail in mailoutbox)
    reset_password(second, new_password=NEW)
    with pytest.raises(InvalidToken):
        reset_password(first, new_password=NEW)


def test_a_mail_that_is_sent_after_another_link_was_used_or_access_ended_brings_none(
    ask: Callable[[str], None], mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    user = UserFactory(email="ann@example.com")
    ask("ann@example.com")
    first = token_in(mailoutbox[0], "reset-password")
    for end in ("use", "suspend"):
        wait(timedelta(minutes=5))
        with django_capture_on_commit_callbacks() as late:
            mail_reset_link("ann@example.com")
        if end == "use":
            reset_password(first, new_password=NEW)
        else:
            lifecycle.suspend_user(user, by=Actor.system(), reason="why", notify=False)
            lifecycle.reactivate_user(user, by=Actor.system(), reason="", notify=False)
        mailoutbox.clear()
        for callback in late:
            callback()
        assert OutgoingMail.objects.filter(template="reset_password").latest("pk").state == MailState.OBSOLETE
        assert not OneTimeToken.objects.filter(used_at__isnull=True).exists()


@pytest.mark.parametrize("email", ["nobody@example.com", "no address", ""])
def test_asking_for_an_address_without_an_account_does_nothing(
    ask: Callable[[str], None], mailoutbox: list[EmailMessage], email: str
) -> None:
    ask(email)
    assert mailoutbox == []
    assert not OneTimeToken.objects.exists()
    assert not AuditEvent.objects.exists()


def test_asking_looks_nothing_up(settings: Settings, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """What is looked up is the task's business, which runs elsewhere: the caller's time tells nothing."""
    settings.TASKS = {"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend", "QUEUES": []}}
    UserFactory(email="ann@example.com")
    for email in ("ann@example.com", "nobody@example.com"):
        with django_assert_num_queries(0):
            request_password_reset(email)


def test_asking_is_limited_by_ip_address(settings: Settings, mailoutbox: list[EmailMessage]) -> None:
    settings.KEYSTONE = {"REQUESTS_PER_IP": 2}
    with origin(ip_address="192.0.2.7"):
        for _ in range(2):
            request_password_reset("nobody@example.com")
        with pytest.raises(TooManyAttempts):
            request_password_reset("nobody@example.com")
    with origin(ip_address="192.0.2.8"):
        request_password_reset("nobody@example.com")


def test_a_task_that_runs_twice_mails_once(
    mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    UserFactory(email="ann@example.com")
    with django_capture_on_commit_callbacks(execute=True):
        mail_reset_link("ann@example.com")
        mail_reset_link("ann@example.com")
    assert len(mailoutbox) == 1


def test_the_address_of_an_administrator_who_sets_a_password_is_not_told(
    mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    user = UserFactory()
    with django_capture_on_commit_callbacks(execute=True), origin(ip_address="192.0.2.7"):
        set_password(user, password=NEW, by=Actor.administrator(superuser()))
    [mail] = mailoutbox
    assert mail.subject == "Your password was changed"
    assert "192.0.2.7" not in str(mail.body)
