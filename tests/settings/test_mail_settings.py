"""Where mails go, and what a provider's webhook needs."""

from email import message_from_bytes
from email.policy import SMTP, default

import pytest
from django.core.exceptions import ImproperlyConfigured

from keystone.mail.headers import OutgoingMessage
from keystone.settings.mail import sender
from tests.settings.production import loaded, run

URL = 'import django; django.setup(); from django.urls import reverse; print(reverse("mail:webhook"))'
MAILGUN = {
    "EMAIL_PROVIDER": "mailgun",
    "EMAIL_PROVIDER_KEY": "key-1",
    "EMAIL_PROVIDER_URL": "https://api.eu.mailgun.net/v3/",
    "EMAIL_WEBHOOK_SECRET": "the key that it signs with",
    "SMTP_HOST": "ignored.example.com",
}
UNSIGNED = (
    "EMAIL_WEBHOOK_SECRET must be a name, a colon and a password, together 24 characters or more, by which the calls "
    "of postmark are known (see docs/operations.md)."
)
FAULTS: list[tuple[dict[str, str], str]] = [
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
]


def test_a_provider_takes_the_place_of_smtp() -> None:
    settings = loaded(**MAILGUN)
    assert settings.MAILERS["default"] == {
        "BACKEND": "anymail.backends.mailgun.EmailBackend",
        "OPTIONS": {"api_key": "key-1", "timeout": 10, "api_url": "https://api.eu.mailgun.net/v3"},
    }
    assert settings.ANYMAIL == {"MAILGUN_WEBHOOK_SIGNING_KEY": "the key that it signs with"}


def test_without_a_provider_there_is_smtp() -> None:
    settings = loaded(SMTP_HOST="mail.example.com", SMTP_SSL="true", EMAIL_WEBHOOK_SECRET="a:b")
    mailer = settings.MAILERS["default"]
    assert mailer["BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
    assert (mailer["OPTIONS"]["host"], mailer["OPTIONS"]["use_ssl"], mailer["OPTIONS"]["use_tls"]) == (
        "mail.example.com",
        True,
        False,
    )
    assert settings.ANYMAIL == {}


@pytest.mark.slow
def test_a_webhook_has_a_url_where_there_is_a_provider() -> None:
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings.production"}
    assert run("-c", URL, **settings, **MAILGUN) == (0, "/webhooks/mail/mailgun/\n", "")
    code, _, complained = run("-c", URL, **settings)
    assert (code, "NoReverseMatch" in complained) == (1, True)


def test_a_provider_that_is_set_up_halfway_stops_the_start(subtests: pytest.Subtests) -> None:
    for change, fault in FAULTS:
        with subtests.test(**change):
            with pytest.raises(ImproperlyConfigured) as refusal:
                loaded(**change)
            assert str(refusal.value).startswith(fault)


NAMES = [
    "Keystone",
    "",
    "Müller GmbH, Berlin",
    'Müller "Grün" & Co',
    'Ann "Q" Bee, Inc.',
    "back\\slash",
    "Ü back\\slash, x",
    "Acme <sales@example.org>",
    "Ü <sales@example.org>, x",
    "sales@example.org",
    "Ö (Shop); Co: x",
    "日本語、株式会社, 東京",
    "مرحبا, بكم",
    "🎉 Party; Co.",
    "e\u0301, composed or not",
    "\u200fright to left, x",
    ", ".join(["ASCII with commas"] * 10),
]


@pytest.mark.parametrize("address", ["no-reply@example.com", "no-reply@bücher.example"])
def test_any_name_is_one_sender(address: str) -> None:
    """As the sent header is read, whatever the name has in it."""
    for name in NAMES:
        own = sender(name, address)
        message = OutgoingMessage(subject="s", body="b", from_email=own, to=["a@example.com"], reply_to=[own])
        sent = message_from_bytes(message.message(policy=SMTP).as_bytes(), policy=default)
        for header in ("From", "Reply-To"):
            read = [(each.display_name, each.addr_spec) for each in sent[header].addresses]
            assert read == [(name, address.replace("bücher", "xn--bcher-kva"))], name
            assert sent[header].defects == ()


def test_a_long_name_beyond_ascii_is_one_sender_in_lines_that_every_server_takes() -> None:
    """Python's parser puts spaces between the parts of such a name, against RFC 2047; mail programs do not."""
    name = "Müller, " * 24 + "GmbH"
    own = sender(name, "no-reply@example.com")
    content = (
        OutgoingMessage(subject="s", body="b", from_email=own, to=["a@example.com"]).message(policy=SMTP).as_bytes()
    )
    [read] = message_from_bytes(content, policy=default)["From"].addresses
    assert (read.display_name.replace(" ", ""), read.addr_spec) == (name.replace(" ", ""), "no-reply@example.com")
    assert max(len(line) for line in content.split(b"\r\n")) <= 76


def test_a_wrong_sender_stops_the_start() -> None:
    for name, address, fault in (
        ("a" * 201, "a@example.com", "EMAILS_FROM_NAME (else PROJECT_NAME) must have at most 200 characters"),
        ("=?utf-8?q?x?=", "a@example.com", "EMAILS_FROM_NAME (else PROJECT_NAME) must have"),
        ("Acme", "Acme <a@example.com>", "EMAILS_FROM_EMAIL must be an email address"),
        ("Acme", "a@example.com, b@example.com", "EMAILS_FROM_EMAIL must be an email address"),
        ("Acme", "müller@example.com", "EMAILS_FROM_EMAIL must be an email address"),
        ("Acme", "example.com", "EMAILS_FROM_EMAIL must be an email address"),
    ):
        with pytest.raises(ImproperlyConfigured) as raised:
            sender(name, address)
        assert str(raised.value).startswith(fault)
    with pytest.raises(ImproperlyConfigured, match="EMAILS_FROM_NAME must be one line without control characters"):
        loaded(EMAILS_FROM_NAME="Acme\nBcc: all@example.com")


def test_the_sender_has_the_domain_that_was_meant() -> None:
    """Django would make `strasse.example` of it, which is another domain."""
    assert sender("Acme", "no-reply@straße.example") == "Acme <no-reply@xn--strae-oqa.example>"
