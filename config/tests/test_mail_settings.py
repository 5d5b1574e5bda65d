"""Where mails go, and what a provider's webhook needs."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.tests.production import loaded, run

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
