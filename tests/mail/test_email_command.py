"""`manage.py email`."""

import json
from pathlib import Path

import pytest
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.test import override_settings
from pytest_django import DjangoCaptureOnCommitCallbacks

from keystone.audit.models import AuditEvent
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.registry import EMAILS
from tests.mail.smtp_server import RCPT, SmtpServer

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("email", *arguments)
    return capsys.readouterr().out


def test_list_names_every_mail(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "list").splitlines()
    assert [line.split()[0] for line in lines] == sorted(EMAILS)
    [approved] = [line for line in lines if line.startswith("approved ")]
    assert approved.endswith("  Approved")
    listed = json.loads(said(capsys, "list", "--json"))
    assert {"name": "approved", "label": "Approved"} in listed
    assert len(listed) == len(EMAILS)


def test_preview_prints_or_writes_a_mail(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = said(capsys, "preview", "approved")
    assert text.startswith("Subject: Welcome to Keystone\n\nHello Ada,\n")
    html = said(capsys, "preview", "approved", "--format", "html", "--language", "en")
    assert html.startswith("<!doctype html>")
    assert set(json.loads(said(capsys, "preview", "approved", "--json"))) == {"subject", "text", "html"}
    file = tmp_path / "mail.html"
    assert said(capsys, "preview", "approved", "--format", "html", "--output", str(file)) == ""
    assert file.read_text() == html.removesuffix("\n")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["preview", "aproved"], "There is no mail 'aproved'. There are: account_created, "),
        (["preview", "approved", "--language", "xx"], "There is no language xx. Known languages: en."),
        (["preview", "approved", "--output", "/nowhere/at/all"], "/nowhere/at/all: No such file or directory"),
        (["test", "nobody"], "Enter a valid email address."),
        (["test", "ada@example.com", "--template", "aproved"], "There is no mail 'aproved'."),
        (["test", "ada@example.com", "--language", "xx"], "There is no language xx. Known languages: en."),
    ],
)
@pytest.mark.django_db
def test_what_cannot_be_done_is_said_in_a_line(arguments: list[str], error: str) -> None:
    with pytest.raises(CommandError) as raised:
        call_command("email", *arguments)
    assert str(raised.value).startswith(error)
    assert "\n" not in str(raised.value)
    assert not OutgoingMail.objects.exists()


@pytest.mark.django_db
def test_a_test_mail_goes_the_way_of_all_mails(
    capsys: pytest.CaptureFixture[str],
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = said(capsys, "test", "ada@example.com", "--template", "approved")
    row = OutgoingMail.objects.get()
    assert answer == f"The test mail to ada@example.com is queued as mail {row.pk}; a worker will send it.\n"
    assert [mail.to for mail in mailoutbox] == [["ada@example.com"]]
    assert row.state == MailState.SENT
    assert AuditEvent.objects.get(action="mail.tested").actor_kind == "cli"


@pytest.mark.django_db
def test_a_test_mail_can_be_sent_at_once(capsys: pytest.CaptureFixture[str], smtp: SmtpServer) -> None:
    answer = said(capsys, "test", "ada@example.com", "--now")
    assert answer == "The mail server has accepted the test mail to ada@example.com.\n"
    assert smtp.recipients == ["ada@example.com"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"550 no such mailbox", "Not sent: The mail server refuses the address: 550 no such mailbox"),
        (
            b"451 not now",
            "Not sent: The mail server refuses the address: 451 not now. A worker will try again.",
        ),
    ],
)
def test_a_test_mail_that_fails_says_why(
    capsys: pytest.CaptureFixture[str], smtp: SmtpServer, answer: bytes, error: str
) -> None:
    smtp.answers = {RCPT: answer}
    with pytest.raises(CommandError) as raised:
        call_command("email", "test", "ada@example.com", "--now", "--json")
    assert str(raised.value) == error
    told = json.loads(capsys.readouterr().out)
    assert told["last_error"] == OutgoingMail.objects.get().last_error
    assert told["recipient"] == "ada@example.com"


@override_settings(LANGUAGE_CODE="en")
@pytest.mark.django_db
def test_a_test_mail_as_json_names_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(said(capsys, "test", "ada@example.com", "--json"))
    assert (told["id"], told["state"]) == (OutgoingMail.objects.get().pk, "queued")
