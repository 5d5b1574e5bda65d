"""Changing the address of an account."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts import lifecycle, signals, tokens
from keystone.accounts.backends import WrongPassword
from keystone.accounts.email_change import (
    SameAddress,
    confirm_email_change,
    mail_email_change_link,
    request_email_change,
)
from keystone.accounts.models import User
from keystone.accounts.registration import AddressTaken
from keystone.accounts.status import Status
from keystone.accounts.tokens import InvalidToken, OneTimeToken, Purpose, digest
from keystone.actors.acting import AccessEnded
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.mail.models import OutgoingMail
from keystone.observability.origin import origin
from keystone.privacy.erasing import erase_person
from keystone.sessions.models import Session
from keystone.sessions.password_change import change_password
from keystone.sessions.sign_out import end_all_sessions
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory
from keystone.throttling.limits import TooManyAttempts
from tests.accounts.mailed_links import is_usable, token_for, token_in, wait

pytestmark = pytest.mark.django_db
Committed = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]
NEW = "another long password"


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


# -- Asking ------------------------------------------------------------------------------------------------------
def test_the_link_goes_to_the_new_address_and_changes_nothing_yet(
    ann: User, do: Callable[..., Any], mailoutbox: list[EmailMessage]
) -> None:
    do(request_email_change, ann, email=" Ann.New@Example.com ", current_password=PASSWORD)
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == (["Ann.New@Example.com"], "Confirm your new email address")
    token = token_in(mail, "confirm-email")
    minted = OneTimeToken.objects.get(digest=digest(token))
    assert (minted.purpose, minted.email, minted.email_normalized) == (
        Purpose.CONFIRM_EMAIL,
        "Ann.New@Example.com",
        "ann.new@example.com",
    )
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_id, event.changes) == ("user.email_change_asked", ann.pk, {})


@pytest.mark.parametrize(
    ("email", "password", "refusal"),
    [
        ("new@example.com", "wrong", WrongPassword),
        ("ann@example.com", PASSWORD, SameAddress),
        ("no address", PASSWORD, ValidationError),
    ],
)
def test_what_does_not_do_is_refused(
    ann: User,
    do: Callable[..., Any],
    mailoutbox: list[EmailMessage],
    email: str,
    password: str,
    refusal: type[Exception],
) -> None:
    with pytest.raises(refusal):
        do(request_email_change, ann, email=email, current_password=password)
    assert (mailoutbox, actions(), OneTimeToken.objects.count()) == ([], [], 0)


def test_another_spelling_of_ones_own_address_is_a_change(ann: User, change_email: Callable[[User, str], str]) -> None:
    change_email(ann, "Ann@Example.com")
    assert ann.email_normalized == "ann@example.com"


def test_asking_is_limited_by_ip_address(ann: User, settings: Settings) -> None:
    settings.KEYSTONE = {"REQUESTS_PER_IP": 1}
    with origin(ip_address="192.0.2.7"):
        request_email_change(ann, email="new@example.com", current_password=PASSWORD)
        with pytest.raises(TooManyAttempts):
            request_email_change(ann, email="new@example.com", current_password=PASSWORD)


def test_a_mailbox_gets_one_link_per_interval(
    ann: User, do: Callable[..., Any], mailoutbox: list[EmailMessage]
) -> None:
    for email in ("new@example.com", "NEW@example.com", "typo@example.com"):
        do(request_email_change, ann, email=email, current_password=PASSWORD)
    assert [mail.to for mail in mailoutbox] == [["new@example.com"], ["typo@example.com"]]
    OneTimeToken.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    wait(timedelta(minutes=1))
    do(request_email_change, ann, email="new@example.com", current_password=PASSWORD)
    assert len(mailoutbox) == 3


def test_a_taken_address_is_told_to_its_owner_only(
    ann: User,
    do: Callable[..., Any],
    mailoutbox: list[EmailMessage],
    settings: Settings,
) -> None:
    UserFactory(email="Bob@example.com", first_name="Bob")
    do(request_email_change, ann, email="BOB@example.com", current_password=PASSWORD)
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == (["Bob@example.com"], "Your email address already belongs to an account")
    assert str(mail.body).startswith("Hello Bob,")
    assert "confirm-email" not in str(mail.body)
    assert "Ann" not in str(mail.body)

    settings.TASKS = {"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend", "QUEUES": []}}
    OneTimeToken.objects.all().delete()
    costs = []
    for email in ("bob@example.com", "free@example.com"):
        with CaptureQueriesContext(connection) as counted:
            request_email_change(ann, email=email, current_password=PASSWORD)
        costs.append(len(counted))
    assert costs[0] == costs[1]


@pytest.mark.parametrize("what", ["sessions", "suspension"])
def test_access_that_ends_while_the_password_is_compared_ends_the_asking(
    ann: User, do: Callable[..., Any], mailoutbox: list[EmailMessage], what: str
) -> None:
    here = User.objects.get(pk=ann.pk)
    if what == "sessions":
        end_all_sessions(ann, by=Actor.person(ann))
    else:
        lifecycle.suspend_user(ann, by=Actor.system(), reason="why", notify=False)
    with pytest.raises(AccessEnded):
        do(request_email_change, here, email="new@example.com", current_password=PASSWORD)
    assert mailoutbox == []


def test_a_mail_that_is_sent_after_access_ended_brings_no_link(
    ann: User, mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    with django_capture_on_commit_callbacks() as waiting:
        request_email_change(ann, email="new@example.com", current_password=PASSWORD)
    change_password(ann, current_password=PASSWORD, new_password=NEW)
    for callback in waiting:
        callback()
    assert mailoutbox == []
    assert not OneTimeToken.objects.filter(used_at__isnull=True).exists()


def test_accounts_are_locked_before_the_count_of_mails(ann: User) -> None:
    """As by an erasure, so that the two cannot block each other."""
    UserFactory(email="new@example.com")
    request_email_change(ann, email="new@example.com", current_password=PASSWORD)
    with CaptureQueriesContext(connection) as queries:
        mail_email_change_link(str(OneTimeToken.objects.get().pk))
    said = [query["sql"] for query in queries.captured_queries]
    [locks] = [place for place, sql in enumerate(said) if "FOR NO KEY UPDATE" in sql]
    [counts] = [place for place, sql in enumerate(said) if "INSERT INTO keystone_attemptwindow" in sql]
    assert locks < counts
    assert OutgoingMail.objects.get().template == "address_in_use"


# -- Confirming --------------------------------------------------------------------------------------------------
def test_confirming_moves_the_account_and_tells_the_old_address(
    ann: User, do: Callable[..., Any], mailoutbox: list[EmailMessage]
) -> None:
    heard: list[tuple[User, str]] = []

    def listen(sender: type[User], user: User, by: Actor, **kwargs: Any) -> None:
        heard.append((user, by.label))

    sign_in(email=ann.email, password=PASSWORD)
    others = [token_for(ann, Purpose.RESET_PASSWORD), token_for(ann, Purpose.CONFIRM_EMAIL, email="c@example.com")]
    token = token_for(ann, Purpose.CONFIRM_EMAIL, email="Ann.New@example.com")
    signals.user_changed.connect(listen)
    try:
        succeeded = do(confirm_email_change, token)
    finally:
        signals.user_changed.disconnect(listen)
    ann.refresh_from_db()
    assert succeeded == ann
    assert (ann.email, ann.email_normalized) == ("Ann.New@example.com", "ann.new@example.com")
    assert ann.email_verified_at is not None
    assert heard == [(ann, "ann@example.com")]
    assert Session.objects.get().revoked_at is None
    assert not any(map(is_usable, others))

    [mail] = mailoutbox
    assert (mail.to, mail.subject) == (["ann@example.com"], "Your email address was changed")
    assert "It is now Ann.New@example.com" in " ".join(str(mail.body).split())
    assert "The link can be used once and expires in 7 days." in str(mail.body)
    back = OneTimeToken.objects.get(digest=digest(token_in(mail, "revert-email")))
    assert (back.purpose, back.email) == (Purpose.REVERT_EMAIL, "ann@example.com")
    event = AuditEvent.objects.get(action="user.email_changed")
    assert event.actor_id == ann.pk
    assert event.changes["email"] == ["ann@example.com", "Ann.New@example.com"]


def test_an_address_that_was_taken_meanwhile_is_refused_and_keeps_the_link(ann: User) -> None:
    token = token_for(ann, Purpose.CONFIRM_EMAIL, email="bob@example.com")
    bob = UserFactory(email="Bob@example.com")
    with pytest.raises(AddressTaken):
        confirm_email_change(token)
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"
    assert actions() == []
    bob.delete()
    assert confirm_email_change(token).email == "bob@example.com"


@pytest.mark.parametrize("status", [status for status in Status if status != Status.ACTIVE])
def test_only_an_active_account_changes_its_address(status: Status) -> None:
    user = UserFactory(status=status)
    token = token_for(user, Purpose.CONFIRM_EMAIL, email="new@example.com")
    with pytest.raises(InvalidToken):
        confirm_email_change(token)
    assert User.objects.get().email == user.email


def test_a_registration_that_nobody_claimed_gives_way_to_who_reads_the_mailbox(
    ann: User, do: Callable[..., Any], mailoutbox: list[EmailMessage]
) -> None:
    squatter = UserFactory(email="new@example.com", status=Status.PENDING_EMAIL_VERIFICATION)
    do(request_email_change, ann, email="new@example.com", current_password=PASSWORD)
    token = token_in(mailoutbox[-1], "confirm-email")
    assert do(confirm_email_change, token).email == "new@example.com"
    assert not User.objects.filter(pk=squatter.pk).exists()
    event = AuditEvent.objects.get(action="user.gave_way")
    assert (event.target_id, event.actor_id) == (str(squatter.pk), ann.pk)


def test_an_erasure_beside_the_task_leaves_no_mail_to_the_new_address(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = tokens.reserve(
        purpose=Purpose.CONFIRM_EMAIL, user=ann, email="new@example.com", lifetime=timedelta(hours=1)
    )
    look = tokens.reserved

    def then_erase(pk: int | str) -> OneTimeToken | None:
        found = look(pk)
        if found is not None:
            erase_person(User.objects.get(pk=ann.pk), by=Actor.cli())
        return found

    monkeypatch.setattr(tokens, "reserved", then_erase)
    mail_email_change_link(str(right.pk))
    assert User.objects.get(pk=ann.pk).erased_at is not None
    assert not OutgoingMail.objects.filter(recipient="new@example.com").exists()
