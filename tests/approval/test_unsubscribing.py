"""Switching notices off by the link in a mail's headers (RFC 8058)."""

import re
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts.lifecycle import suspend_user
from keystone.accounts.models import User
from keystone.accounts.preferences import choose_notices, notices_of
from keystone.accounts.status import ApprovalFlow, Status
from keystone.actors.actor import Actor
from keystone.approval.notices.telling import tell_approvers
from keystone.approval.notices.unsubscribing import unsubscribe_url
from keystone.audit.models import AuditEvent
from keystone.mail.outgoing import message_of
from keystone.mail.registry import EMAILS
from keystone.observability.logs.masking import without_tokens
from keystone.testing.factories import UserFactory, approver
from tests.mail.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db
ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"
SITE = "https://id.example.com"


@pytest.fixture(autouse=True)
def public(settings: Settings) -> None:
    settings.KEYSTONE = {"PUBLIC_URL": SITE, "FRONTEND_URL": "https://app.example.com"}


def path_of(user: User) -> str:
    return unsubscribe_url(user).removeprefix(SITE)


def strict() -> Client:
    """A mail program: without a session, checked for CSRF as any browser is."""
    return Client(enforce_csrf_checks=True)


def sent_notice(do: Any, user: User, settings: Settings) -> EmailMessage:
    """The notice of somebody who waits, as a mail server gets it."""
    flow = ApprovalFlow.ADMIN_APPROVAL
    waiting = UserFactory(status=Status.PENDING_ADMIN_APPROVAL, approval_flow=flow)
    with SmtpServer.running() as server:
        settings.MAILERS = server.mailers
        do(tell_approvers, "person_waits", [waiting], by=Actor.system())
        [mail] = [mail for mail in server.messages if mail["To"] == user.email]
    return mail


def test_a_notice_says_how_it_is_switched_off(do: Any, settings: Settings) -> None:
    anna = approver(email="anna@example.com")
    mail = sent_notice(do, anna, settings)
    [url] = re.findall(r"^<(https://id\.example\.com/unsubscribe/[0-9a-f]{96}/)>$", str(mail["List-Unsubscribe"]))
    assert mail["List-Unsubscribe-Post"] == ONE_CLICK
    assert b"\r\n " not in bytes(mail).split(b"List-Unsubscribe: ")[1].split(b">")[0]

    answer = strict().post(url.removeprefix(SITE), ONE_CLICK, content_type=FORM)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (200, False)
    assert notices_of(anna) == "off"
    event = AuditEvent.objects.get(action="user.settings_changed")
    assert (event.actor, event.changes) == (anna, {"approval_notices": ["immediate", "off"]})
    assert strict().post(url.removeprefix(SITE), ONE_CLICK, content_type=FORM).status_code == 200
    assert AuditEvent.objects.filter(action="user.settings_changed").count() == 1


def test_all_mails_that_can_be_switched_off_say_so_and_no_others() -> None:
    anna = approver("view_user", "approve_user", "suspend_user")
    past = timezone.now() - timedelta(days=3)
    waiting = UserFactory(status=Status.PENDING_ADMIN_APPROVAL, approval_flow=ApprovalFlow.ADMIN_APPROVAL)
    left = UserFactory(status=Status.DEACTIVATED)
    User.objects.filter(pk=waiting.pk).update(awaiting_since=past)
    User.objects.filter(pk=left.pk).update(status_changed_at=past)
    since = past.isoformat()
    notices: list[tuple[str, str, dict[str, str]]] = [
        ("person_waits", "immediate", {"person": str(waiting.pk), "since": since}),
        ("person_left", "immediate", {"person": str(left.pk), "since": since}),
        ("more_people_wait", "immediate", {"since": since}),
        ("people_wait_long", "immediate", {}),
        ("people_wait", "digest", {"since": since}),
    ]
    for name, setting, context in notices:
        choose_notices(anna, approval_notices=setting, by=Actor.person(anna))
        mail = EMAILS[name](anna, **context)
        assert mail is not None, name
        headers = message_of(mail, message_id="<1@example.com>").extra_headers
        assert headers["List-Unsubscribe"] == f"<{unsubscribe_url(anna)}>", name
        assert headers["List-Unsubscribe-Post"] == ONE_CLICK, name
    for name in ("approved", "awaiting_approval", "already_registered", "account_created", "second_factor_set_up"):
        mail = EMAILS[name](anna)
        assert mail is not None, name
        assert "List-Unsubscribe" not in message_of(mail, message_id="<1@example.com>").extra_headers


def test_a_look_switches_nothing_off(client: Client) -> None:
    anna = approver()
    for call in (client.get, client.head):
        assert call(path_of(anna)).status_code == 200
    assert notices_of(anna) == "immediate"
    page = client.get(path_of(anna))
    assert b"Turn off notifications?" in page.content
    assert (page["Referrer-Policy"], page["X-Robots-Tag"]) == ("strict-origin", "noindex, nofollow")
    assert "no-store" in page["Cache-Control"]
    assert b"Notifications are turned off" in client.post(path_of(anna)).content


def test_a_link_that_was_not_made_for_the_account_as_it_is_does_nothing(settings: Settings) -> None:
    anna, bert = approver(), approver()
    good = path_of(anna)
    token = good.split("/")[2]
    others = path_of(bert).split("/")[2]
    for wrong in (token[:-1] + ("0" if token[-1] != "0" else "1"), token[:32] + others[32:], token[:32], "x", "ö" * 96):
        assert strict().post(f"/unsubscribe/{wrong}/").status_code == 410
    User.objects.filter(pk=anna.pk).update(email="new@example.com", email_normalized="new@example.com")
    assert strict().post(good).status_code == 410
    suspend_user(bert, by=Actor.system(), reason="why", notify=False)
    assert strict().post(path_of(bert)).status_code == 410
    assert {notices_of(anna), notices_of(bert)} == {"immediate"}
    anna.refresh_from_db()
    old = path_of(anna)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key of fifty characters, as it is rotated in"
    assert path_of(anna) != old
    assert strict().post(old).status_code == 200


def test_logs_do_not_have_the_link() -> None:
    assert without_tokens(f"POST {path_of(approver())} 200") == "POST /unsubscribe/…/ 200"
