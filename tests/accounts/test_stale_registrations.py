"""Registrations whose address nobody proves: warned once, then deleted; against a verification at the same moment."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.mail import EmailMessage
from django.db import connection, models, transaction
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts import signals, stale_registrations, tokens
from keystone.accounts.lifecycle import approve_user, reopen_user
from keystone.accounts.models import User
from keystone.accounts.stale_registrations import Expired, expire_stale_registrations, warn_stale_registrations
from keystone.accounts.status import Status
from keystone.accounts.tokens import InvalidToken, OneTimeToken, Purpose
from keystone.accounts.transition_rules import UserNotFound
from keystone.accounts.verification import verify_email
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.audit.words import action_in_words
from keystone.mail.models import OutgoingMail
from keystone.testing.factories import UserFactory
from tests.accounts.mailed_links import token_in
from tests.at_once import at_once

pytestmark = pytest.mark.django_db
Do = Callable[..., Any]
JOB = Actor.job("the_job")
ROUNDS = 10


def ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)


def registered(days: float, *, warned: float | None = None, **fields: Any) -> User:
    """Somebody who registered so many days ago, and was warned so many days ago."""
    user = UserFactory(
        status=Status.PENDING_EMAIL_VERIFICATION,
        status_changed_at=ago(days),
        expiry_warned_at=None if warned is None else ago(warned),
        **fields,
    )
    User.objects.filter(pk=user.pk).update(created_at=ago(days))
    return user


def expire() -> Expired:
    return expire_stale_registrations(by=JOB)


def link_of(user: User, purpose: Purpose = Purpose.VERIFY_EMAIL) -> str:
    return tokens.mint(purpose=purpose, user=user, email=user.email, lifetime=timedelta(hours=1))


def use_up_links() -> None:
    OneTimeToken.objects.update(used_at=timezone.now())


# -- The warning ---------------------------------------------------------------------------------------------------
def test_who_has_not_proved_their_address_is_warned_once_with_a_link_that_works(
    do: Do, mailoutbox: list[EmailMessage]
) -> None:
    old = registered(24, first_name="Buy at evil")
    registered(22)
    UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    assert [do(warn_stale_registrations) for _ in range(2)] == [1, 0]
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == ([old.email], "Your registration is about to expire")
    assert f"deleted after {(timezone.now() + timedelta(days=7)):%-d %B %Y}" in " ".join(str(mail.body).split())
    assert "evil" not in mail.body
    assert do(verify_email, token_in(mail, "verify-email")).pk == old.pk
    assert expire() == Expired()


def test_a_warning_is_not_sent_to_who_proves_their_address_meanwhile(mailoutbox: list[EmailMessage]) -> None:
    from keystone.accounts.emails.registration import registration_expires

    user = registered(24, warned=0)
    assert registration_expires(user) is not None
    User.objects.filter(pk=user.pk).update(status=Status.ACTIVE, email_verified_at=timezone.now())
    assert registration_expires(user) is None


def test_a_warning_that_is_not_sent_mints_no_token() -> None:
    from keystone.accounts.emails.registration import registration_expires

    assert registration_expires(registered(24)) is None
    assert not OneTimeToken.objects.exists()


def test_who_was_taken_back_is_warned_anew_and_waits_from_then(root: User) -> None:
    user = registered(60, warned=40)
    User.objects.filter(pk=user.pk).update(status=Status.REJECTED, decided_at=ago(20), rejection_count=1)
    user.refresh_from_db()
    reopen_user(user, by=Actor.administrator(root), notify=False)
    assert (warn_stale_registrations(), expire()) == (0, Expired())
    User.objects.filter(pk=user.pk).update(status_changed_at=ago(31))
    assert expire() == Expired()  # the warning was of the time before
    assert warn_stale_registrations() == 1


def test_many_are_worked_through_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stale_registrations, "PEOPLE_AT_A_TIME", 2)
    for _ in range(5):
        registered(31)
    assert warn_stale_registrations() == 5
    use_up_links()
    User.objects.update(expiry_warned_at=ago(8))
    assert expire() == Expired(deleted=5)


# -- The end -------------------------------------------------------------------------------------------------------
def test_a_registration_expires_with_all_that_hangs_on_it_and_an_event_stays(do: Do) -> None:
    heard: list[tuple[str, str]] = []

    def listen(*, user: User, by: Actor, **_: Any) -> None:
        heard.append((user.email, by.label))

    signals.registration_expired.connect(listen)
    user = registered(31, warned=8, email="ann@example.com", first_name="Ann")
    link_of(user)
    use_up_links()
    OutgoingMail.objects.create(template="verify_email", recipient=user.email, user=user, message_id="<1@example.com>")
    other = registered(29, warned=6)
    assert [do(expire), do(expire)] == [Expired(deleted=1), Expired()]
    signals.registration_expired.disconnect(listen)
    assert list(User.objects.all()) == [other]
    assert (OneTimeToken.objects.count(), OutgoingMail.objects.count()) == (0, 0)
    event = AuditEvent.objects.get()
    assert (event.action, event.target_id, event.target_label) == (
        "user.registration_expired",
        str(user.pk),
        "ann@example.com",
    )
    assert (event.actor_label, event.changes, event.reason, event.note) == ("the_job", {}, "", "")
    assert action_in_words(event.action) == "Registration expired"
    assert heard == [("ann@example.com", "the_job")]


@pytest.mark.parametrize(
    "fields",
    [
        {"warned": None},
        {"warned": 6},  # after an outage the warning came late: a week it is all the same
        {"warned": 8, "is_staff": True},
        {"warned": 8, "is_staff": True, "is_superuser": True},
        {"warned": 8, "last_login": datetime.fromisoformat("2026-01-01T00:00:00+00:00")},
    ],
)
def test_nobody_goes_unwarned_or_who_is_more_than_a_registration(fields: dict[str, Any]) -> None:
    registered(100, **fields)
    assert expire() == Expired()


def test_nobody_goes_or_is_warned_who_was_given_a_role_or_a_right() -> None:
    in_group, permitted = registered(100, warned=8), registered(100, warned=8)
    in_group.groups.add(Group.objects.create(name="editors"))
    permitted.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert expire() == Expired()
    User.objects.update(expiry_warned_at=None)
    assert warn_stale_registrations() == 0


@pytest.mark.parametrize("purpose", [Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD])
def test_nobody_goes_while_a_link_works(purpose: Purpose) -> None:
    user = registered(100, warned=50)
    link_of(user, purpose)
    assert expire() == Expired()
    use_up_links()
    assert expire() == Expired(deleted=1)


def test_nothing_expires_where_the_option_says_so(settings: Settings) -> None:
    settings.KEYSTONE = {"UNVERIFIED_EXPIRE_AFTER": timedelta(0)}
    registered(100, warned=50)
    registered(100)
    assert (warn_stale_registrations(), expire()) == (0, Expired())


def test_what_another_app_holds_on_to_stays_and_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    held, free = registered(31, warned=8), registered(31, warned=8)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE holds_on (user_id uuid REFERENCES keystone_user (id))")
        cursor.execute("INSERT INTO holds_on VALUES (%s)", [held.pk])
        with caplog.at_level(logging.ERROR):
            assert expire() == Expired(deleted=1, kept=1)
        cursor.execute("DROP TABLE holds_on")
    assert list(User.objects.all()) == [held]
    assert str(held.pk) in caplog.text
    assert str(free.pk) not in caplog.text


# -- At the same moment --------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_verification_at_the_same_moment_wins() -> None:
    for number in range(ROUNDS):
        user = registered(31, warned=8, email=f"ann{number}@example.com")
        token = link_of(user)
        verified, expired, again = at_once(lambda token=token: verify_email(token), expire, expire)  # type: ignore[misc]  # binds it
        assert isinstance(verified, User)  # a link that works keeps the row
        assert (expired, again) == (Expired(), Expired())
        assert User.objects.get(pk=user.pk).status == Status.PENDING_ADMIN_APPROVAL


@pytest.mark.django_db(transaction=True)
def test_an_approval_at_the_same_moment_wins_or_finds_nobody() -> None:
    for number in range(ROUNDS):
        user = registered(31, warned=8, email=f"ann{number}@example.com")
        approves = partial(approve_user, user, by=Actor.system(), even_unverified=True)
        approved, expired = at_once(approves, expire)
        left = [row.status for row in User.objects.filter(pk=user.pk)]
        outcome = (type(approved), expired, left)
        assert outcome in [(User, Expired(), ["active"]), (UserNotFound, Expired(deleted=1), [])]


@pytest.mark.django_db(transaction=True)
def test_two_jobs_at_once_delete_each_registration_once() -> None:
    for number in range(20):
        registered(31, warned=8, email=f"ann{number}@example.com")
    first, second = at_once(expire, expire)
    assert isinstance(first, Expired)
    assert isinstance(second, Expired)
    assert first.deleted + second.deleted == 20
    assert (first.kept, second.kept, User.objects.count()) == (0, 0, 0)
    assert AuditEvent.objects.filter(action="user.registration_expired").count() == 20


def wait_for(user_id: UUID, sql: str, ready: threading.Event, go: threading.Event) -> None:
    """Hold the row, as `sql` does, until told to commit."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [user_id])
        ready.set()
        go.wait()
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_verification_that_holds_the_row_wins_over_the_end() -> None:
    user = registered(31, warned=8)
    ready, go = threading.Event(), threading.Event()
    verifies = "UPDATE keystone_user SET status = 'active', email_verified_at = now() WHERE id = %s"
    thread = threading.Thread(target=wait_for, args=(user.pk, verifies, ready, go))
    thread.start()
    ready.wait()
    assert expire() == Expired()  # passed over, and not waited for
    go.set()
    thread.join()
    assert User.objects.get(pk=user.pk).status == Status.ACTIVE
    assert expire() == Expired()


@pytest.mark.django_db(transaction=True)
def test_an_end_that_holds_the_row_leaves_a_verification_nothing() -> None:
    user = registered(31, warned=8)
    token = link_of(user)
    ready, go = threading.Event(), threading.Event()
    deletes = "WITH link AS (DELETE FROM keystone_onetimetoken WHERE user_id = %s) SELECT 1"
    lock = "SELECT 1 FROM keystone_user WHERE id = %s FOR UPDATE"

    def ends() -> None:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(lock, [user.pk])
                ready.set()
                go.wait()
                cursor.execute(deletes, [user.pk])
            User.objects.filter(pk=user.pk).delete()
        connection.close()

    thread = threading.Thread(target=ends)
    thread.start()
    ready.wait()
    timer = threading.Timer(0.3, go.set)
    timer.start()
    with pytest.raises(InvalidToken):
        verify_email(token)  # waits for the row, and finds it gone
    thread.join()
    assert not User.objects.exists()


def test_the_jobs_table_of_models_is_complete() -> None:
    """What cascades from an account is what a registration may have: a new relation is looked at here."""
    cascades = {
        relation.related_model._meta.label
        for relation in User._meta.related_objects
        if relation.on_delete is models.CASCADE and relation.related_model._meta.app_label == "keystone"
    }
    assert cascades == {
        "keystone.Authenticator",
        "keystone.OneTimeToken",
        "keystone.Preferences",
        "keystone.RecoveryCode",
        "keystone.Session",
    }
