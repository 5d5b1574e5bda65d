"""The pages that confirm a new address, and that take a change of the address back."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from keystone.accounts.email_change import request_email_change
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.accounts.tokens import REPEATED, OneTimeToken, Purpose
from keystone.audit.models import AuditEvent
from keystone.testing.factories import PASSWORD, UserFactory
from tests.accounts.mailed_links import token_for, token_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def confirm(ann: User) -> str:
    return f"/confirm-email/{token_for(ann, Purpose.CONFIRM_EMAIL, email='New@example.com')}/"


@pytest.fixture
def revert(ann: User) -> str:
    return f"/revert-email/{token_for(ann, Purpose.REVERT_EMAIL, email='Old@example.com')}/"


@pytest.fixture
def address(request: pytest.FixtureRequest) -> str:
    """Of the page that the test is for."""
    return str(request.getfixturevalue(request.param))


both = pytest.mark.parametrize("address", ["confirm", "revert"], indirect=True)


def test_the_mailed_links_lead_to_the_new_address_and_back(
    client: Client,
    ann: User,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.KEYSTONE = {"PUBLIC_URL": "https://id.example.com"}

    def post(path: str) -> tuple[list[tuple[str, int]], str]:
        with django_capture_on_commit_callbacks(execute=True):
            response = client.post(path, follow=True, headers={"host": "localhost"})
        return response.redirect_chain, response.content.decode()

    with django_capture_on_commit_callbacks(execute=True):
        request_email_change(ann, email="New@example.com", current_password=PASSWORD)
    path = f"/confirm-email/{token_in(mail.outbox[0], 'confirm-email')}/"
    page = client.get(path).content
    assert b"<strong>New@example.com</strong>" in page
    chain, text = post(path)
    assert chain == [("/confirm-email/done/", 302)]
    assert "Your email address has been changed" in text
    assert User.objects.get().email == "New@example.com"

    path = f"/revert-email/{token_in(mail.outbox[1], 'revert-email')}/"
    page = client.get(path).content
    assert b"<strong>ann@example.com</strong>" in page
    assert b"you will receive a link to choose a new one" in page
    chain, text = post(path)
    assert chain == [("/revert-email/done/?password=mailed", 302)]
    assert "An email with a link to choose a new password is on its way to you." in text
    user = User.objects.get()
    assert (user.email, user.has_usable_password()) == ("ann@example.com", False)
    assert [message.to for message in mail.outbox] == [
        ["New@example.com"],
        ["ann@example.com"],
        ["ann@example.com"],
        ["New@example.com"],
    ]
    assert not any("localhost" in str(message.body) for message in mail.outbox)


@both
def test_looking_twenty_times_uses_nothing_up(client: Client, ann: User, address: str) -> None:
    for _ in range(20):
        assert client.get(address).status_code == 200
        assert client.head(address).status_code == 200
    assert User.objects.get().email == "ann@example.com"
    assert client.post(address).status_code == 302
    assert User.objects.get().email != "ann@example.com"
    assert AuditEvent.objects.count() == 1


def used(client: Client, address: str) -> str:
    done = client.post(address)
    assert done.status_code == 302
    for again in (client.post(address), client.get(address)):
        assert (again.status_code, again["Location"]) == (302, done["Location"])
    OneTimeToken.objects.update(used_at=timezone.now() - REPEATED)
    return address


def expired(client: Client, address: str) -> str:
    OneTimeToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    return address


def unknown(client: Client, address: str) -> str:
    return f"/{address.split('/')[1]}/{'a' * 43}/"


@both
@pytest.mark.parametrize("spoil", [used, expired, unknown])
def test_a_link_that_does_not_work_says_what_to_do(
    client: Client, address: str, spoil: Callable[[Client, str], str]
) -> None:
    spoiled = spoil(client, address)
    before = User.objects.get().email
    for response in (client.post(spoiled), client.get(spoiled)):
        assert response.status_code == 410
        assert b"This link no longer works" in response.content
    assert User.objects.get().email == before


@both
def test_an_address_that_somebody_else_has_is_told(client: Client, ann: User, address: str) -> None:
    UserFactory(email="new@example.com")
    UserFactory(email="old@example.com")
    response = client.post(address)
    assert response.status_code == 409
    assert b"This email address belongs to another account" in response.content
    assert (b"taken over your account" in response.content) is address.startswith("/revert")
    assert "no-store" in response["Cache-Control"]
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"
    assert not OneTimeToken.objects.filter(used_at__isnull=False).exists()


def test_an_account_that_is_closed_is_promised_no_mail(client: Client) -> None:
    user = UserFactory(status=Status.DEACTIVATED)
    path = f"/revert-email/{token_for(user, Purpose.REVERT_EMAIL, email='old@example.com')}/"
    assert b"you will receive a link to choose a new one" not in client.get(path).content
    response = client.post(path)
    assert response["Location"] == "/revert-email/done/"
    page = client.get(response["Location"]).content
    assert b"Your account is not active at the moment." in page
    assert b"on its way" not in page


def test_the_result_leads_on_to_the_front_end(client: Client, settings: Settings) -> None:
    assert b"You may close this page." in client.get("/confirm-email/done/").content
    settings.KEYSTONE = {"FRONTEND_URL": "https://app.example"}
    assert b'href="https://app.example"' in client.get("/confirm-email/done/").content
