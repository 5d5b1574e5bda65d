"""The development pages that list the mails."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse
from pytest_django import Settings

from keystone.mail import development_urls, folder
from keystone.mail.outgoing import Mail
from tests.mail.sending import send


@pytest.fixture
def mails(tmp_path: Path, settings: Settings) -> Path:
    """A local site whose folder holds three mails."""
    settings.ENVIRONMENT = "local"
    settings.ROOT_URLCONF = "tests.mail.development_site"
    settings.MAIL_FOLDER = tmp_path
    options = {"folder": tmp_path}
    settings.MAILERS = {"default": {"BACKEND": "keystone.mail.backends.FolderBackend", "OPTIONS": options}}
    send(
        Mail("awaiting_approval", "ada@example.com", {"name": "Ada"}),
        Mail("rejected", "eve@example.com", {"name": "Eve", "reason": "<script>alert(1)</script>"}),
        Mail("approved", "grace@example.com", {"name": "Grace", "link": "https://a.example/?a=1&b=2"}),
    )
    return tmp_path


def test_list_shows_the_newest_first(mails: Path, client: Client) -> None:
    page = client.get("/dev/mails/").content.decode()
    order = [page.index(address) for address in ("grace@example.com", "eve@example.com", "ada@example.com")]
    assert order == sorted(order)
    assert "Welcome to Keystone" in page
    assert "SMTP" not in page


def test_list_is_paged(mails: Path, client: Client) -> None:
    send(*[Mail("awaiting_approval", f"p{number}@example.com", {"name": "P"}) for number in range(30)])
    first, second = client.get("/dev/mails/"), client.get("/dev/mails/?page=2")
    assert first.content.count(b"<tr>") == 26
    assert second.content.count(b"<tr>") == 9
    assert b"Page 2 of 2" in second.content
    assert client.get("/dev/mails/?page=nonsense").status_code == 200


def test_list_says_when_mail_goes_elsewhere(mails: Path, client: Client, settings: Settings) -> None:
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    assert b"Mails are sent to the configured SMTP server" in client.get("/dev/mails/").content


def test_mail_is_shown_with_its_parts_and_headers(mails: Path, client: Client) -> None:
    name = folder.entries(mails)[0].name
    response = client.get(f"/dev/mails/{name}/")
    page = response.content.decode()
    assert f'src="/dev/mails/{name}/html/"' in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert '<a href="https://a.example/?a=1&amp;b=2"' in page
    assert "auto-generated" in page
    assert "frame-src 'self'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]


def test_html_of_a_mail_stands_alone_in_its_sandbox(mails: Path, client: Client) -> None:
    name = folder.entries(mails)[1].name
    response = client.get(f"/dev/mails/{name}/html/")
    assert response["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    )
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;" in response.content
    assert b'<head><base target="_blank">' in response.content


def test_text_of_a_mail_is_escaped(mails: Path, client: Client) -> None:
    page = client.get(f"/dev/mails/{folder.entries(mails)[1].name}/").content.decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_delete_all_needs_a_post_with_a_csrf_token(mails: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.get("/dev/mails/delete/").status_code == 405
    assert client.post("/dev/mails/delete/").status_code == 403
    assert folder.count(mails) == 3
    client.get("/dev/mails/")
    token = client.cookies["csrftoken"].value
    response = client.post("/dev/mails/delete/", {"csrfmiddlewaretoken": token})
    assert (response.status_code, response["Location"]) == (302, "/dev/mails/")
    assert folder.count(mails) == 0
    assert b"No mails yet" in client.get("/dev/mails/").content


def test_unknown_mail_is_not_found(mails: Path, client: Client) -> None:
    for path in ("nonsense/", "..%2f..%2fetc%2fpasswd/", "20261123T070823.049000Z-e0b95d066d81.eml/html/"):
        assert client.get(f"/dev/mails/{path}").status_code == 404


@pytest.mark.parametrize("environment", ["testing", "staging", "production"])
def test_pages_answer_404_in_other_environments(
    mails: Path, client: Client, settings: Settings, environment: str
) -> None:
    name = folder.entries(mails)[0].name
    settings.ENVIRONMENT = environment
    for path in ("", f"{name}/", f"{name}/html/"):
        assert client.get(f"/dev/mails/{path}").status_code == 404
    assert client.post("/dev/mails/delete/").status_code == 404
    assert folder.count(mails) == 3


def test_pages_are_not_registered_in_other_environments(client: Client) -> None:
    assert development_urls.urlpatterns == []
    with pytest.raises(NoReverseMatch):
        reverse("development:mails")
    assert client.get("/dev/mails/").status_code == 404
