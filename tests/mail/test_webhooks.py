"""What a provider tells us later: signed calls, as the provider makes them."""

import base64
import hashlib
import hmac
import json
from types import ModuleType
from typing import Any

import pytest
from django.test import Client
from django.urls import include, path
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from keystone.mail import webhook_urls
from keystone.mail.events import note
from keystone.mail.models import MailState, OutgoingMail, SuppressedAddress
from keystone.mail.tasks import note_event
from tests.mail.sending import only, queued

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]

KEY = "key-of-the-tests"
PASSWORD = "postmark:a-long-one-of-the-tests"


@pytest.fixture
def mailgun(settings: Settings) -> None:
    """A site that sends by Mailgun, which signs."""
    settings.ANYMAIL = {"MAILGUN_WEBHOOK_SIGNING_KEY": KEY}
    settings.ROOT_URLCONF = site("mailgun")


@pytest.fixture
def postmark(settings: Settings) -> None:
    """A site that sends by Postmark, which has a name and a password."""
    settings.ANYMAIL = {"WEBHOOK_SECRET": PASSWORD}
    settings.ROOT_URLCONF = site("postmark")


def site(provider: str) -> Any:
    module = ModuleType("webhook_site")
    module.urlpatterns = [path("", include((webhook_urls.routes(provider), "mail")))]  # type: ignore[attr-defined]  # a module made here
    return module


@pytest.fixture
def mail_id() -> int:
    """A mail that the provider has taken."""
    [mail_id] = queued("Ada@example.com")
    OutgoingMail.objects.update(state=MailState.SENT, sent_at=timezone.now(), provider_id="<m-1@mg.example.com>")
    return mail_id


def mailgun_call(event: dict[str, Any], *, key: str = KEY) -> dict[str, Any]:
    stamp, token = "1760000000", "t" * 50
    signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    sent = {"timestamp": 1760000000.5, "id": "e-1", "recipient": "ada@EXAMPLE.com"}
    sent["message"] = {"headers": {"message-id": "m-1@mg.example.com"}}
    return {"signature": {"timestamp": stamp, "token": token, "signature": signature}, "event-data": sent | event}


BOUNCE = {
    "event": "failed",
    "severity": "permanent",
    "reason": "bounce",
    "delivery-status": {
        "code": 550,
        "message": "5.1.1 no such user; see https://mx.example/?t=abcdefghijklmnopqrstuvw",
    },
}


@pytest.fixture
def call(client: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> Any:
    """Calls the webhook and lets its tasks run."""

    def call(provider: str, body: dict[str, Any], **headers: str) -> int:
        with django_capture_on_commit_callbacks(execute=True):
            answer = client.post(f"/webhooks/mail/{provider}/", json.dumps(body), "application/json", headers=headers)
        return answer.status_code

    return call


@pytest.mark.usefixtures("mailgun")
def test_a_bounce_is_noted_and_its_address_suppressed(call: Any, mail_id: int) -> None:
    assert call("mailgun", mailgun_call(BOUNCE)) == 200
    row = only(mail_id)
    assert (row.state, row.last_error) == (MailState.BOUNCED, "The mail bounced. 5.1.1 no such user; see …")
    [suppressed] = SuppressedAddress.objects.all()
    assert suppressed.address == "ada@example.com"
    assert suppressed.reason == "The mail bounced. 5.1.1 no such user; see …"
    assert call("mailgun", mailgun_call(BOUNCE)) == 200
    assert SuppressedAddress.objects.count() == 1


@pytest.mark.usefixtures("mailgun")
def test_a_call_that_is_not_signed_right_changes_nothing(call: Any, mail_id: int) -> None:
    assert call("mailgun", mailgun_call(BOUNCE, key="another")) == 400
    assert call("mailgun", {"event-data": BOUNCE}) == 400
    assert only(mail_id).state == MailState.SENT
    assert not SuppressedAddress.objects.exists()


@pytest.mark.usefixtures("mailgun")
@pytest.mark.parametrize(
    "event",
    [
        {**BOUNCE, "recipient": "eve@example.com"},
        {**BOUNCE, "message": {"headers": {"message-id": "other@mg.example.com"}}},
        {**BOUNCE, "severity": "temporary"},
        {"event": "opened"},
        {"event": "delivered"},
    ],
)
def test_events_of_other_mails_and_other_kinds_change_nothing(call: Any, mail_id: int, event: dict[str, Any]) -> None:
    assert call("mailgun", mailgun_call(event)) == 200
    assert only(mail_id).state == MailState.SENT
    assert not SuppressedAddress.objects.exists()


@pytest.mark.usefixtures("mailgun")
def test_a_complaint_suppresses_the_address_of_a_mail_that_arrived(call: Any, mail_id: int) -> None:
    assert call("mailgun", mailgun_call({"event": "complained"})) == 200
    assert only(mail_id).state == MailState.SENT
    [suppressed] = SuppressedAddress.objects.all()
    assert suppressed.reason == "The reader reported the mail as spam."


@pytest.mark.usefixtures("postmark")
def test_a_provider_that_does_not_sign_has_a_password(call: Any, mail_id: int) -> None:
    OutgoingMail.objects.update(provider_id="p-1")
    event = {"RecordType": "Bounce", "Type": "HardBounce", "MessageID": "p-1", "Email": "ada@example.com", "ID": 1}
    event |= {"Details": "smtp;550 unknown", "BouncedAt": "2026-11-24T12:00:00Z"}
    wrong = base64.b64encode(b"postmark:guessed").decode()
    assert call("postmark", event) == 400
    assert call("postmark", event, authorization=f"Basic {wrong}") == 400
    assert only(mail_id).state == MailState.SENT
    right = base64.b64encode(PASSWORD.encode()).decode()
    assert call("postmark", event, authorization=f"Basic {right}") == 200
    assert only(mail_id).state == MailState.BOUNCED


@pytest.mark.parametrize(
    ("kind", "cause", "state", "suppresses"),
    [
        ("bounced", "bounced", MailState.BOUNCED, True),
        ("bounced", "spam", MailState.BOUNCED, False),
        ("rejected", "unsubscribed", MailState.SUPPRESSED, False),
        ("rejected", "invalid", MailState.SUPPRESSED, True),
        ("rejected", "blocked", MailState.FAILED, False),
        ("failed", "", MailState.FAILED, False),
    ],
)
def test_what_an_event_means(mail_id: int, kind: str, cause: str, state: MailState, suppresses: bool) -> None:
    assert note(kind=kind, provider_id="<m-1@mg.example.com>", recipient="ada@example.com", cause=cause, said="")
    assert only(mail_id).state == state
    assert SuppressedAddress.objects.exists() is suppresses


def test_an_event_that_comes_before_the_mail_is_marked_is_looked_at_again(
    mail_id: int, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    """The second look is a task of later, which the tests' backend does not run."""
    event: dict[str, Any] = {
        "kind": "bounced",
        "provider_id": "not yet",
        "recipient": "ada@example.com",
        "cause": "",
        "said": "",
    }
    note_event.call(**event)
    assert only(mail_id).state == MailState.SENT
    OutgoingMail.objects.update(provider_id="not yet")
    note_event.call(**event, is_second_look=True)
    assert only(mail_id).state == MailState.BOUNCED


def test_there_is_no_route_without_a_provider(client: Client) -> None:
    assert webhook_urls.urlpatterns == []
    assert client.post("/webhooks/mail/mailgun/").status_code == 404
