"""Where mails go, and what a provider's webhook needs; each shown on a process that starts, or does not."""

import json

import pytest

from config.tests.test_safety import run

SHOW = """
import django, json
django.setup()
from django.conf import settings
from django.urls import NoReverseMatch, reverse
try:
    url = reverse("mail:webhook")
except NoReverseMatch:
    url = ""
print(json.dumps([settings.MAILERS["default"], settings.ANYMAIL, url]))
"""
UNSIGNED = (
    "EMAIL_WEBHOOK_SECRET must be a name, a colon and a password, together 24 characters or more, by which the calls "
    "of postmark are known (see docs/operations.md)."
)


def started(**environment: str) -> tuple[int, str, str]:
    """Start Django in a process of its own; its exit code and what it said."""
    return run("-c", SHOW, DJANGO_SETTINGS_MODULE="config.settings.production", **environment)


def test_a_provider_takes_the_place_of_smtp_and_its_webhook_has_an_address() -> None:
    code, said, complained = started(
        EMAIL_PROVIDER="mailgun",
        EMAIL_PROVIDER_KEY="key-1",
        EMAIL_PROVIDER_URL="https://api.eu.mailgun.net/v3/",
        EMAIL_WEBHOOK_SECRET="the key that it signs with",
        SMTP_HOST="ignored.example.com",
    )
    assert code == 0, complained
    assert json.loads(said.splitlines()[-1]) == [
        {
            "BACKEND": "anymail.backends.mailgun.EmailBackend",
            "OPTIONS": {"api_key": "key-1", "timeout": 10, "api_url": "https://api.eu.mailgun.net/v3"},
        },
        {"MAILGUN_WEBHOOK_SIGNING_KEY": "the key that it signs with"},
        "/webhooks/mail/mailgun/",
    ]


def test_without_a_provider_there_is_smtp_and_no_webhook() -> None:
    code, said, complained = started(SMTP_HOST="mail.example.com", SMTP_SSL="true", EMAIL_WEBHOOK_SECRET="a:b")
    assert code == 0, complained
    mailer, anymail, url = json.loads(said.splitlines()[-1])
    assert mailer["BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
    assert (mailer["OPTIONS"]["host"], mailer["OPTIONS"]["use_ssl"], mailer["OPTIONS"]["use_tls"]) == (
        "mail.example.com",
        True,
        False,
    )
    assert (anymail, url) == ({}, "")


@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        (
            {"EMAIL_PROVIDER": "pigeon"},
            "EMAIL_PROVIDER must be one of brevo, mailersend, mailgun, postmark, resend, sparkpost, not",
        ),
        ({"EMAIL_PROVIDER": "mailgun"}, "EMAIL_PROVIDER needs EMAIL_PROVIDER_KEY, the key of the provider's API."),
        (
            {"EMAIL_PROVIDER": "mailgun", "EMAIL_PROVIDER_KEY": "k"},
            "EMAIL_WEBHOOK_SECRET is not set. Give the key that mailgun signs its calls with.",
        ),
        ({"EMAIL_PROVIDER": "postmark", "EMAIL_PROVIDER_KEY": "k"}, UNSIGNED),
        (
            {"EMAIL_PROVIDER": "postmark", "EMAIL_PROVIDER_KEY": "k", "EMAIL_WEBHOOK_SECRET": "name:short"},
            UNSIGNED,
        ),
        (
            {"EMAIL_PROVIDER": "postmark", "EMAIL_PROVIDER_KEY": "k", "EMAIL_WEBHOOK_SECRET": "x" * 40},
            UNSIGNED,
        ),
    ],
)
def test_a_provider_that_is_set_up_halfway_stops_the_start(environment: dict[str, str], fault: str) -> None:
    code, _, complained = started(**environment)
    assert code == 1
    assert f"ImproperlyConfigured: {fault}" in complained
