"""The pages that links in mails land on, and the error pages."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from keystone.accounts.models import User
from keystone.accounts.registration import register_user
from keystone.accounts.status import Status
from keystone.accounts.tokens import REPEATED, OneTimeToken, Purpose
from keystone.audit.models import AuditEvent
from keystone.testing.factories import PASSWORD, UserFactory
from tests.accounts.mailed_links import token_for, wait


def register(settings: Settings, flow: str = "email_verification_and_admin_approval") -> tuple[User, str]:
    settings.KEYSTONE = {"DEFAULT_USER_APPROVAL_FLOW": flow}
    register_user(email="Ada@example.com", password=PASSWORD, first_name="Ada")
    user = User.objects.get()
    return user, token_of(user)


def token_of(user: User) -> str:
    return token_for(user, Purpose.VERIFY_EMAIL)


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
    for again in (client.post(f"/verify-email/{token}/"), client.get(f"/verify-email/{token}/")):
        assert (again.status_code, again["Location"]) == (302, "/verify-email/done/?next=approval")
    assert AuditEvent.objects.filter(action="user.email_verified").count() == 1
    OneTimeToken.objects.update(used_at=timezone.now() - REPEATED)
    for again in (client.post(f"/verify-email/{token}/"), client.get(f"/verify-email/{token}/")):
        assert again.status_code == 410
        assert b"This link no longer works" in again.content


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("flow", "address", "said"),
    [
        ("email_verification", "/verify-email/done/?next=sign-in", b"You can now sign in"),
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
    assert b"Your email address has been confirmed" in page
    assert b"sign in" not in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("flow", "word", "said"),
    [
        ("email_verification", "sign-in", b"After that, you can sign in."),
        ("email_verification_and_admin_approval", "approval", b"One step is left"),
    ],
)
def test_who_has_no_password_yet_is_told_of_the_mail_to_choose_one(
    client: Client, settings: Settings, flow: str, word: str, said: bytes
) -> None:
    _, token = register(settings, flow)
    register_user(email="ada@example.com", password="another long password")
    response = client.post(f"/verify-email/{token}/")
    assert response["Location"] == f"/verify-email/done/?next={word}&password=mailed"
    page = client.get(response["Location"]).content
    assert b"An email with a link to choose it is on its way to you." in page
    assert said in page
    assert b"You can now sign in" not in page
    assert b"You do not need to do anything" not in page


@pytest.mark.django_db
def test_result_page_repeats_nothing_of_its_address(client: Client) -> None:
    for page in ("verify-email", "reset-password", "confirm-email", "revert-email"):
        assert b"evil" not in client.get(f"/{page}/done/?next=<b>evil&password=evil&place=evil").content


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["nonsense", "a" * 5000, "%F0%9F%98%80", "..", "a%20b"])
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
    wait(timedelta(minutes=1))
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
@pytest.mark.parametrize("page", ["verify-email", "reset-password", "confirm-email", "revert-email"])
def test_guesses_at_links_end_in_a_page_that_says_for_how_long(client: Client, settings: Settings, page: str) -> None:
    settings.KEYSTONE = {"ATTEMPTS_PER_IP": 3}
    good = {"new_password": "another long password", "again": "another long password"}
    for _ in range(3):
        assert client.post(f"/{page}/nonsense/", good).status_code == 410
        assert client.get(f"/{page}/nonsense/").status_code == 410  # a look is not counted: any page can make one
    response = client.post(f"/{page}/nonsense/", good)
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 900
    assert b"Too many attempts. Try again in 15 minutes." in response.content
    assert "no-store" in response["Cache-Control"]
    assert (response["Referrer-Policy"], response["X-Robots-Tag"]) == ("strict-origin", "noindex, nofollow")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/verify-email/resend/", "/reset-password/"])
def test_requests_for_links_are_limited_and_keep_what_was_typed(client: Client, settings: Settings, path: str) -> None:
    settings.KEYSTONE = {"REQUESTS_PER_IP": 2}
    for _ in range(2):
        assert client.post(path, {"email": "ada@example.com"}).status_code == 302
    response = client.post(path, {"email": "ada@example.com"})
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 900
    page = response.content.decode()
    assert '<p class="error alert" role="alert">Too many attempts. Try again in 15 minutes.</p>' in page
    assert 'value="ada@example.com"' in page
    assert "<title>Error: " in page


@pytest.mark.django_db
def test_posts_need_a_csrf_token(settings: Settings) -> None:
    user, token = register(settings)
    tokens = {
        "verify-email": token,
        "reset-password": token_for(user, Purpose.RESET_PASSWORD),
        "confirm-email": token_for(user, Purpose.CONFIRM_EMAIL, email="new@example.com"),
        "revert-email": token_for(user, Purpose.REVERT_EMAIL, email="old@example.com"),
    }
    paths = [f"/{page}/{token}/" for page, token in tokens.items()]
    client = Client(enforce_csrf_checks=True)
    for path in ("/verify-email/resend/", "/reset-password/", *paths):
        response = client.post(path, {"email": "ada@example.com"})
        assert response.status_code == 403
        assert b"Please try again" in response.content
    assert not OneTimeToken.objects.filter(used_at__isnull=False).exists()


PAGES = (
    "/verify-email/{verify_email}/",
    "/verify-email/nonsense/",
    "/verify-email/resend/",
    "/verify-email/sent/",
    "/verify-email/done/?next=approval",
    "/reset-password/",
    "/reset-password/{reset_password}/",
    "/reset-password/nonsense/",
    "/reset-password/sent/",
    "/reset-password/done/?next=sign-in",
    "/confirm-email/{confirm_email}/",
    "/confirm-email/nonsense/",
    "/confirm-email/done/",
    "/revert-email/{revert_email}/",
    "/revert-email/nonsense/",
    "/revert-email/done/?password=mailed",
)


def looked_at(client: Client, path: str) -> Any:
    user: User = UserFactory(verified=False)
    tokens = {purpose.value: token_for(user, purpose, email="other@example.com") for purpose in list(Purpose)[2:]}
    tokens |= {purpose.value: token_for(user, purpose) for purpose in list(Purpose)[:2]}
    return client.get(path.format(**tokens))


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES)
def test_pages_of_links_stay_out_of_caches_indexes_and_referrers(client: Client, path: str) -> None:
    response = looked_at(client, path)
    assert response.status_code == (410 if "nonsense" in path else 200)
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "strict-origin"
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert "unsafe" not in response["Content-Security-Policy"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", *PAGES])
def test_pages_need_nothing_inline_and_nothing_from_elsewhere(client: Client, path: str) -> None:
    page = looked_at(client, path).content.decode()
    page = page.replace('<script src="/static/keystone/pages/show_passwords.js" defer></script>', "")
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|https?://|//cdn", page)
    assert '<html lang="en" dir="ltr">' in page
    assert page.count("<h1>") == 1
    labelled = set(re.findall(r'<label for="([\w-]+)"', page))
    assert set(re.findall(r'<input id="([\w-]+)"', page)) == labelled
    described = {name for names in re.findall(r'aria-describedby="([^"]+)"', page) for name in names.split()}
    assert described <= set(re.findall(r'\sid="([\w-]+)"', page))


@pytest.mark.parametrize("path", PAGES)
def test_pages_take_no_other_method(client: Client, path: str) -> None:
    assert client.delete(path).status_code == 405


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
    assert b"Page not found" in response.content
