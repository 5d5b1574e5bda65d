"""The pages that links in mails land on, and the error pages."""

import re

import pytest
from django.core import mail
from django.template.loader import render_to_string
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from keystone.accounts.models import User
from keystone.accounts.registration import register_user
from keystone.accounts.status import Status
from keystone.accounts.tokens import OneTimeToken, Purpose, mint
from keystone.audit.models import AuditEvent
from keystone.conf import options
from keystone.tests.factories import UserFactory

PASSWORD = "correct horse battery staple"


def register(settings: Settings, flow: str = "email_verification_and_admin_approval") -> tuple[User, str]:
    settings.KEYSTONE = {"DEFAULT_USER_APPROVAL_FLOW": flow}
    register_user(email="Ada@example.com", password=PASSWORD, first_name="Ada")
    user = User.objects.get()
    return user, token_of(user)


def token_of(user: User) -> str:
    return mint(
        purpose=Purpose.VERIFY_EMAIL,
        user=user,
        email_normalized=user.email_normalized,
        lifetime=options().email_verification_lifetime,
    )


@pytest.mark.django_db
def test_mailed_link_leads_through_the_pages_to_a_verified_address(
    client: Client,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.KEYSTONE = {"PUBLIC_URL": "http://testserver"}
    with django_capture_on_commit_callbacks(execute=True):
        register_user(email="Ada@example.com", password=PASSWORD, first_name="Ada")
    (message,) = mail.outbox
    (link,) = re.findall(r"^http://testserver(/verify-email/.+)$", str(message.body), re.MULTILINE)
    assert b"Ada@example.com" in client.get(link).content
    response = client.post(link, follow=True)
    assert response.redirect_chain == [("/verify-email/done/?next=approval", 302)]
    assert User.objects.get().status == Status.PENDING_ADMIN_APPROVAL


@pytest.mark.django_db
def test_get_and_head_use_nothing_up(client: Client, settings: Settings) -> None:
    user, token = register(settings)
    for _ in range(20):
        assert client.get(f"/verify-email/{token}/").status_code == 200
        assert client.head(f"/verify-email/{token}/").status_code == 200
    user.refresh_from_db()
    assert user.email_verified_at is None
    assert not OneTimeToken.objects.filter(used_at__isnull=False).exists()


@pytest.mark.django_db
def test_post_uses_the_link_up(client: Client, settings: Settings) -> None:
    user, token = register(settings)
    assert client.post(f"/verify-email/{token}/").status_code == 302
    user.refresh_from_db()
    assert user.status == Status.PENDING_ADMIN_APPROVAL
    again = client.post(f"/verify-email/{token}/")
    assert again.status_code == 410
    assert b"This link does not work any more" in again.content
    assert AuditEvent.objects.filter(action="user.email_verified").count() == 1
    assert client.get(f"/verify-email/{token}/").status_code == 410


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("flow", "address", "said"),
    [
        ("email_verification", "/verify-email/done/?next=sign-in", b"You can sign in now"),
        ("email_verification_and_admin_approval", "/verify-email/done/?next=approval", b"One step is left"),
    ],
)
def test_result_says_what_comes_next(client: Client, settings: Settings, flow: str, address: str, said: bytes) -> None:
    _, token = register(settings, flow)
    response = client.post(f"/verify-email/{token}/")
    assert response["Location"] == address
    assert said in client.get(address).content


@pytest.mark.django_db
def test_somebody_suspended_meanwhile_is_not_told_that_they_can_sign_in(client: Client) -> None:
    user: User = UserFactory(status=Status.SUSPENDED, verified=False)
    response = client.post(f"/verify-email/{token_of(user)}/")
    assert response["Location"] == "/verify-email/done/"
    page = client.get(response["Location"]).content
    assert b"Your email address is confirmed" in page
    assert b"sign in" not in page


@pytest.mark.django_db
def test_result_page_repeats_nothing_of_its_address(client: Client) -> None:
    assert b"evil" not in client.get("/verify-email/done/?next=<b>evil").content


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["nonsense", "a" * 5000, "%00", "%F0%9F%98%80", "..", "a%20b"])
def test_nonsense_links_get_a_page_that_offers_a_new_one(client: Client, token: str) -> None:
    for response in (client.get(f"/verify-email/{token}/"), client.post(f"/verify-email/{token}/")):
        assert response.status_code == 410
        assert b'action="/verify-email/resend/"' in response.content


@pytest.mark.django_db
def test_new_link_has_the_same_answer_whatever_the_address(
    client: Client,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    register(settings)
    User.objects.update(registration_mail_at=None)
    answers = []
    for email in ("ada@example.com", "nobody@example.com"):
        with django_capture_on_commit_callbacks(execute=True):
            response = client.post("/verify-email/resend/", {"email": email})
        answers.append((response.status_code, response["Location"], sorted(response.headers)))
    assert answers[0] == answers[1]
    assert answers[0][:2] == (302, "/verify-email/sent/")
    assert [message.to for message in mail.outbox] == [["Ada@example.com"]]
    assert client.get("/verify-email/sent/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["", "nonsense", "a@b", "a\x00@example.com", "x" * 300 + "@example.com"])
def test_what_is_no_address_is_told_beside_the_field(client: Client, email: str) -> None:
    response = client.post("/verify-email/resend/", {"email": email})
    assert response.status_code == 400
    assert b'aria-invalid="true" aria-describedby="email-error"' in response.content


@pytest.mark.django_db
def test_posts_need_a_csrf_token(settings: Settings) -> None:
    user, token = register(settings)
    client = Client(enforce_csrf_checks=True)
    for path in (f"/verify-email/{token}/", "/verify-email/resend/"):
        response = client.post(path, {"email": "ada@example.com"})
        assert response.status_code == 403
        assert b"Please try that once more" in response.content
    user.refresh_from_db()
    assert user.email_verified_at is None


@pytest.mark.django_db
def test_token_pages_stay_out_of_caches_indexes_and_referrers(client: Client, settings: Settings) -> None:
    _, token = register(settings)
    for path in (f"/verify-email/{token}/", "/verify-email/nonsense/", "/verify-email/resend/"):
        response = client.get(path)
        assert "no-store" in response["Cache-Control"]
        assert response["Referrer-Policy"] == "strict-origin"
        assert response["X-Robots-Tag"] == "noindex, nofollow"
        assert "unsafe" not in response["Content-Security-Policy"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/verify-email/nonsense/", "/verify-email/done/", "/verify-email/sent/"])
def test_pages_need_nothing_inline_and_nothing_from_elsewhere(client: Client, path: str) -> None:
    page = client.get(path).content.decode()
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|https?://|//cdn", page)
    assert '<html lang="en" dir="ltr">' in page
    assert page.count("<h1>") == 1


def test_home_names_the_product_and_links_to_its_parts(client: Client, settings: Settings) -> None:
    settings.KEYSTONE = {"PROJECT_NAME": "Acme & Sons", "FRONTEND_URL": "https://app.example"}
    page = client.get("/").content.decode()
    assert "<h1>Acme &amp; Sons</h1>" in page
    for link in ('href="/admin/"', 'href="/docs/"', 'href="https://app.example"'):
        assert link in page
    assert "/dev/mails/" not in page


@pytest.mark.parametrize("name", ["400", "403", "404", "500"])
def test_error_pages_need_neither_context_nor_database(name: str) -> None:
    page = render_to_string(f"{name}.html")
    assert f'<p class="number">{name}</p>' in page
    assert "Keystone</title>" in page


@pytest.mark.django_db
def test_unknown_address_gets_the_error_page(client: Client) -> None:
    response = client.get("/no-such-page/")
    assert response.status_code == 404
    assert b"There is no such page" in response.content
