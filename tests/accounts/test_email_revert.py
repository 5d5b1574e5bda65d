"""Taking a change of the address back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from keystone.accounts import lifecycle
from keystone.accounts.email_change import (
    confirm_email_change,
    revert_email_change,
)
from keystone.accounts.models import User
from keystone.accounts.password_reset import reset_password
from keystone.accounts.passwords import set_password
from keystone.accounts.registration import AddressTaken, create_user, register_user
from keystone.accounts.status import Status
from keystone.accounts.tokens import InvalidToken, OneTimeToken, Purpose
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.mail.models import MailState, OutgoingMail
from keystone.sessions.models import Session
from keystone.sessions.password_change import change_password
from keystone.sessions.sign_out import end_all_sessions
from keystone.sign_in.with_tokens import InvalidCredentials, sign_in
from keystone.testing.factories import PASSWORD, UserFactory, superuser
from tests.accounts.mailed_links import is_usable, token_for, token_in
from tests.mail.sending import deliver

pytestmark = pytest.mark.django_db
NEW = "another long password"


def test_taking_it_back_ends_whatever_the_thief_had(
    ann: User, do: Callable[..., Any], change_email: Callable[[User, str], str], mailoutbox: list[EmailMessage]
) -> None:
    back = change_email(ann, "thief@example.com")
    sign_in(email="thief@example.com", password=PASSWORD)
    browser = Client()
    browser.force_login(ann)
    reset = token_for(ann, Purpose.RESET_PASSWORD)
    mailoutbox.clear()

    reverted = do(revert_email_change, back)
    assert reverted.email == "ann@example.com"
    ann.refresh_from_db()
    assert (ann.email, ann.email_normalized, ann.has_usable_password()) == ("ann@example.com", "ann@example.com", False)
    assert Session.objects.filter(revoked_at__isnull=True).count() == 0
    assert browser.get("/api/me/").status_code == 401
    assert not is_usable(reset)
    with pytest.raises(InvalidCredentials):
        sign_in(email="ann@example.com", password=PASSWORD)

    choose, told = mailoutbox
    assert (choose.to, choose.subject) == (["ann@example.com"], "Choose your password")
    assert (told.to, told.subject) == (["thief@example.com"], "The change to your email address was reverted")
    assert "/reset-password/" not in str(told.body)
    reset_password(token_in(choose, "reset-password"), new_password=NEW)
    assert sign_in(email="ann@example.com", password=NEW).access
    event = AuditEvent.objects.get(action="user.email_reverted")
    assert event.changes["email"] == ["thief@example.com", "ann@example.com"]


def test_sessions_end_before_the_address_is_written(ann: User, change_email: Callable[[User, str], str]) -> None:
    """A stolen session is noted with its row locked, which refers to the person: so that the two cannot block."""
    back = change_email(ann, "thief@example.com")
    with CaptureQueriesContext(connection) as queries:
        revert_email_change(back)
    said = [query["sql"] for query in queries.captured_queries]
    [sessions] = [place for place, sql in enumerate(said) if sql.startswith('UPDATE "keystone_session"')]
    [address] = [
        place for place, sql in enumerate(said) if sql.startswith('UPDATE "keystone_user"') and '"email" =' in sql
    ]
    assert sessions < address


def test_a_link_to_choose_a_password_that_is_late_is_not_mailed_once_access_ended(
    ann: User,
    change_email: Callable[[User, str], str],
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    back = change_email(ann, "thief@example.com")
    mailoutbox.clear()
    with django_capture_on_commit_callbacks() as late:
        revert_email_change(back)
    lifecycle.suspend_user(ann, by=Actor.system(), reason="why", notify=False)
    for callback in late:
        callback()
    assert [mail.subject for mail in mailoutbox] == ["The change to your email address was reverted"]
    assert not OneTimeToken.objects.filter(purpose=Purpose.RESET_PASSWORD, used_at__isnull=True).exists()


def test_an_earlier_change_can_be_taken_back_after_a_later_one_and_ends_that(
    ann: User, change_email: Callable[[User, str], str], do: Callable[..., Any]
) -> None:
    to_ann, to_second = change_email(ann, "second@example.com"), change_email(ann, "third@example.com")
    assert do(revert_email_change, to_ann).email == "ann@example.com"
    with pytest.raises(InvalidToken):
        revert_email_change(to_second)
    assert User.objects.get().email == "ann@example.com"


def test_a_later_change_that_was_taken_back_leaves_the_earlier_one(
    ann: User, change_email: Callable[[User, str], str], do: Callable[..., Any]
) -> None:
    to_ann, to_second = change_email(ann, "second@example.com"), change_email(ann, "third@example.com")
    assert do(revert_email_change, to_second).email == "second@example.com"
    assert do(revert_email_change, to_ann).email == "ann@example.com"


def test_the_mail_of_a_later_change_that_comes_after_the_revert_brings_no_link(
    ann: User, change_email: Callable[[User, str], str], do: Callable[..., Any], mailoutbox: list[EmailMessage]
) -> None:
    """A thief who moves the account on, and finds the mail server slow, does not get it back."""
    to_ann = change_email(ann, "thief@example.com")
    confirm_email_change(token_for(ann, Purpose.CONFIRM_EMAIL, email="second@example.com"))
    late = OutgoingMail.objects.queued().get()
    OutgoingMail.objects.filter(pk=late.pk).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    do(revert_email_change, to_ann)
    mailoutbox.clear()
    OutgoingMail.objects.update(next_attempt_at=timezone.now())
    assert deliver([late.pk]) == 1
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == (["thief@example.com"], "Your email address was changed")
    assert "revert-email" not in str(mail.body)
    assert "Revert the change" not in str(mail.body)


def test_mails_that_are_sent_in_another_order_keep_the_order_of_the_changes(
    ann: User, do: Callable[..., Any], mailoutbox: list[EmailMessage]
) -> None:
    for email in ("second@example.com", "third@example.com"):
        confirm_email_change(token_for(ann, Purpose.CONFIRM_EMAIL, email=email))
    for row in OutgoingMail.objects.queued().order_by("-pk"):
        assert deliver([row.pk]) == 1
    to_second, to_ann = (token_in(mail, "revert-email") for mail in mailoutbox)
    assert [mail.to for mail in mailoutbox] == [["second@example.com"], ["ann@example.com"]]
    do(revert_email_change, to_ann)
    with pytest.raises(InvalidToken):
        revert_email_change(to_second)


def test_a_mail_that_is_sent_twice_brings_two_links_of_which_one_works(
    ann: User, do: Callable[..., Any], mailoutbox: list[EmailMessage]
) -> None:
    do(confirm_email_change, token_for(ann, Purpose.CONFIRM_EMAIL, email="new@example.com"))
    right = OneTimeToken.objects.filter(purpose=Purpose.REVERT_EMAIL).earliest("id")
    row = OutgoingMail.objects.get(template="email_changed")
    assert row.context["reserved"] == str(right.pk)
    OutgoingMail.objects.update(state=MailState.QUEUED)  # as where a worker goes away between sending and marking
    assert deliver([row.pk]) == 1
    first, second = (token_in(mail, "revert-email") for mail in mailoutbox)
    do(revert_email_change, first)
    with pytest.raises(InvalidToken):
        revert_email_change(second)


def test_the_link_outlives_what_the_thief_does_and_what_an_administrator_does_to_help(
    ann: User, change_email: Callable[[User, str], str], do: Callable[..., Any]
) -> None:
    back = change_email(ann, "thief@example.com")
    do(change_password, ann, current_password=PASSWORD, new_password=NEW)
    do(end_all_sessions, ann, by=Actor.person(ann))
    do(reset_password, token_for(ann, Purpose.RESET_PASSWORD), new_password=PASSWORD)
    assert is_usable(back)
    root = Actor.administrator(superuser())
    do(set_password, ann, password=NEW, by=root)
    do(end_all_sessions, ann, by=root)
    do(lifecycle.suspend_user, ann, by=root, reason="why")
    assert do(revert_email_change, back).email == "ann@example.com"
    assert User.objects.get(pk=ann.pk).status == Status.SUSPENDED


def test_an_account_that_was_closed_gets_its_address_back_and_no_way_in(
    ann: User, change_email: Callable[[User, str], str], do: Callable[..., Any], mailoutbox: list[EmailMessage]
) -> None:
    back = change_email(ann, "thief@example.com")
    do(lifecycle.deactivate_user, ann, by=Actor.person(ann))
    mailoutbox.clear()
    assert do(revert_email_change, back).email == "ann@example.com"
    assert [mail.to for mail in mailoutbox] == [["thief@example.com"]]
    assert User.objects.get().status == Status.DEACTIVATED


def test_nobody_registers_an_address_that_can_still_be_taken_back(
    ann: User, change_email: Callable[[User, str], str], do: Callable[..., Any]
) -> None:
    back = change_email(ann, "thief@example.com")
    do(register_user, email="Ann@example.com", password=NEW, first_name="Thief")
    with pytest.raises(AddressTaken):
        create_user(email="ann@example.com", by=Actor.cli())
    assert User.objects.get() == ann
    assert do(revert_email_change, back).email == "ann@example.com"


def test_a_registration_from_before_the_change_gives_way_too(
    ann: User, change_email: Callable[[User, str], str], do: Callable[..., Any]
) -> None:
    back = change_email(ann, "thief@example.com")
    squatter = UserFactory(email="ann@example.com", status=Status.PENDING_EMAIL_VERIFICATION)
    assert do(revert_email_change, back).email == "ann@example.com"
    assert not User.objects.filter(pk=squatter.pk).exists()


def test_an_old_address_that_somebody_else_has_by_now_is_refused(
    ann: User, change_email: Callable[[User, str], str]
) -> None:
    back = change_email(ann, "new@example.com")
    UserFactory(email="ANN@example.com")
    with pytest.raises(AddressTaken):
        revert_email_change(back)
    ann.refresh_from_db()
    assert (ann.email, ann.check_password(PASSWORD)) == ("new@example.com", True)
    assert is_usable(back)
