"""The pages that show what the mails look like."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.core.mail import EmailMessage
from pytest_django import Settings

from keystone.accounts.tokens import OneTimeToken
from keystone.audit.models import AuditEvent
from keystone.mail.models import OutgoingMail
from keystone.mail.registry import EMAILS
from keystone.testing.factories import UserFactory, approver, superuser
from tests.approval.admin_pages import browser, told

pytestmark = pytest.mark.django_db
TEMPLATES = "/admin/keystone/outgoingmail/templates/"
Committed = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]


def test_the_list_has_every_mail_by_its_label() -> None:
    response = browser(approver("view_outgoingmail")).get(TEMPLATES)
    shown = response.context["mails"]
    assert {mail["name"] for mail in shown} == EMAILS.keys()
    assert [mail["label"] for mail in shown] == sorted(str(kind.label) for kind in EMAILS.values())
    page = response.content.decode()
    assert f'href="{TEMPLATES}approved/"' in page
    assert "Welcome to Keystone" in page
    assert "Cannot be shown" not in page


@pytest.mark.parametrize(
    "name", ["approved", *(pytest.param(name, marks=pytest.mark.slow) for name in sorted(EMAILS) if name != "approved")]
)
def test_the_page_of_a_mail_shows_its_html_in_a_sandbox_and_its_text(name: str) -> None:
    client = browser(superuser())
    response = client.get(f"{TEMPLATES}{name}/")
    page = response.content.decode()
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert f'src="{TEMPLATES}{name}/html/?language=en"' in page
    assert "frame-src 'self'" in response["Content-Security-Policy"]
    assert response.context["preview"]["rendered"].text.splitlines()[0] in page
    framed = client.get(f"{TEMPLATES}{name}/html/")
    assert framed.content.startswith(b"<!doctype html>")
    assert b'<head><base target="_blank">' in framed.content
    assert framed["X-Frame-Options"] == "SAMEORIGIN"
    assert framed["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    )
    assert not OneTimeToken.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_mail_is_shown_in_each_of_the_sites_languages(settings: Settings) -> None:
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    client = browser(superuser())
    response = client.get(f"{TEMPLATES}suspended/?language=de")
    assert [language["label"] for language in response.context["languages"]] == ["English", "Deutsch"]
    assert "24 Dezember 2026" in response.context["preview"]["rendered"].text
    assert 'lang="de" aria-current="page"' in response.content.decode()
    assert b'<html lang="de"' in client.get(f"{TEMPLATES}suspended/html/?language=de").content
    for wrong in ("fr", "<script>", ""):
        assert client.get(f"{TEMPLATES}suspended/", {"language": wrong}).context["preview"]["language"] == "en"


def test_a_test_goes_to_whoever_asks_for_it(
    mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    sender = approver("view_outgoingmail", "send_outgoingmail", email="Sender@example.com")
    client = browser(sender)
    assert "Send a test to Sender@example.com" in client.get(f"{TEMPLATES}approved/").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(f"{TEMPLATES}approved/test/", {"language": "en"})
    assert response["Location"] == f"{TEMPLATES}approved/?language=en"
    assert told(response) == ["A test mail is being sent to Sender@example.com."]
    [message] = mailoutbox
    assert (message.to, message.subject) == (["Sender@example.com"], "[Test] Welcome to Keystone")
    assert AuditEvent.objects.get().action == "mail.tested"
    assert OutgoingMail.objects.get().language == "en"


def test_tests_are_sent_by_those_who_may_and_by_post() -> None:
    viewer = browser(approver("view_outgoingmail"))
    assert "Send a test" not in viewer.get(f"{TEMPLATES}approved/").content.decode()
    assert viewer.post(f"{TEMPLATES}approved/test/").status_code == 403
    sender = browser(approver("send_outgoingmail", email="s@example.com"))
    assert sender.post(f"{TEMPLATES}approved/test/").status_code == 403
    assert browser(superuser()).get(f"{TEMPLATES}approved/test/").status_code == 405
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("address", ["", "approved/", "approved/html/"])
def test_the_pages_are_for_those_who_may_see_mails(address: str) -> None:
    assert browser(approver()).get(f"{TEMPLATES}{address}").status_code == 403
    assert browser(UserFactory()).get(f"{TEMPLATES}{address}").status_code == 302


@pytest.mark.parametrize("address", ["no_such_mail/", "no_such_mail/html/"])
def test_a_mail_that_there_is_not_is_not_found(address: str) -> None:
    assert browser(superuser()).get(f"{TEMPLATES}{address}").status_code == 404
