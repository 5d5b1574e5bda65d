"""Promise 14: production refuses to start with unsafe settings, and names each of them in a line."""

import json
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from keystone.checks import find_nowhere_to_sign_in
from keystone.development.administrator import EMAIL
from keystone.settings.safety import faults_of
from keystone.testing.factories import superuser
from tests.served.server import database_url
from tests.settings.production import KEY, loaded, run

NOT_SET = "SECRET_KEY is not set. Make a key of your own (see docs/operations.md)."
GUESSED = "SECRET_KEY is too easy to guess: it needs 50 random characters."
KNOWN = "SECRET_KEY is one that everybody knows. Make one of your own (see docs/operations.md)."
DEBUG = "DEBUG is on. Its pages show settings and data to everybody: leave it out."
STAR = "ALLOWED_HOSTS must name the hosts, without *; .example.com stands for a domain and all below it."
DATABASE = "The database's password is one that everybody knows (POSTGRES_PASSWORD or DATABASE_URL)."
ORIGINS = (
    "BACKEND_CORS_ORIGINS must name origins such as https://app.example.com, in lower case and ASCII, without a path "
    "or a *;"
)
NO_DATABASE = (
    "No database is named. Set DATABASE_URL, or POSTGRES_SERVER with POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB."
)
FAULTS: list[tuple[dict[str, str], str]] = [
    ({"DEBUG": "true"}, DEBUG),
    ({"DEBUG": "1", "ENVIRONMENT": "staging"}, DEBUG),
    ({"SECRET_KEY": ""}, NOT_SET),
    ({"SECRET_KEY": "x"}, GUESSED),
    ({"SECRET_KEY": "x" * 60}, GUESSED),
    ({"SECRET_KEY": KEY[:49]}, GUESSED),
    ({"SECRET_KEY": "local-only-insecure-key-that-production-refuses-to-start-with"}, KNOWN),
    ({"SECRET_KEY": "testing-only-insecure-key-that-production-refuses-to-start-with"}, KNOWN),
    ({"SECRET_KEY": "django-insecure-" + "abcdefgh" * 6}, KNOWN),
    ({"SECRET_KEY": "changethis" * 6}, KNOWN),
    ({"SECRET_KEY_FALLBACKS": f"{KEY},short"}, GUESSED.replace("KEY", "KEY_FALLBACKS")),
    ({"SECRET_KEY_FALLBACKS": "django-insecure-" + "abcdefgh" * 6}, KNOWN.replace("KEY", "KEY_FALLBACKS")),
    ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is not set. Name the host names that this server answers to."),
    ({"ALLOWED_HOSTS": "*"}, STAR),
    ({"ALLOWED_HOSTS": "keystone.example.com,*"}, STAR),
    ({"ALLOWED_HOSTS": "*.example.com"}, STAR),
    ({"ALLOWED_HOSTS": "."}, "ALLOWED_HOSTS would answer to any name that ends with '.'. Name the hosts."),
    ({"ALLOWED_HOSTS": ".com"}, "ALLOWED_HOSTS would answer to any name that ends with '.com'. Name the hosts."),
    (
        {"ALLOWED_HOSTS": "https://keystone.example.com"},
        "ALLOWED_HOSTS takes names alone, without https:// and port, not 'https://keystone.example.com'.",
    ),
    (
        {"ALLOWED_HOSTS": "keystone.example.com:443"},
        "ALLOWED_HOSTS takes names alone, without https:// and port, not 'keystone.example.com:443'.",
    ),
    ({"PUBLIC_URL": ""}, "PUBLIC_URL is not set. Say where this server is reached, as https://keystone.example.com."),
    (
        {"PUBLIC_URL": "http://keystone.example.com"},
        "PUBLIC_URL must begin with https://: links in mails start with it.",
    ),
    ({"FRONTEND_URL": "http://example.com"}, "FRONTEND_URL must begin with https://: links in mails start with it."),
    (
        {"BACKEND_CORS_ORIGINS": "https://a.example.com,http://b.example.com"},
        "BACKEND_CORS_ORIGINS must begin with https://, not 'http://b.example.com'.",
    ),
    (
        {"BACKEND_CORS_ORIGINS": "*"},
        f"{ORIGINS} not '*'.",
    ),
    ({"DATABASE_URL": "postgresql://keystone:changethis@127.0.0.1/keystone"}, DATABASE),
    ({"DATABASE_URL": "postgresql://acme:acme@127.0.0.1/keystone"}, DATABASE),
    ({"DATABASE_URL": "", "POSTGRES_SERVER": "127.0.0.1", "POSTGRES_PASSWORD": "Postgres"}, DATABASE),
    ({"REDIS_PASSWORD": "changethis"}, "REDIS_PASSWORD is a password that everybody knows. Choose one of your own."),
    ({"SMTP_PASSWORD": "password"}, "SMTP_PASSWORD is a password that everybody knows. Choose one of your own."),
    (
        {"FIRST_SUPERUSER_PASSWORD": "changethis"},
        "FIRST_SUPERUSER_PASSWORD is a password that everybody knows. Choose one of your own.",
    ),
    (
        {"DATABASE_URL": ""},
        NO_DATABASE,
    ),
]


def check(**change: str) -> tuple[int, str, str]:
    """What an operator runs before a start."""
    arguments = ("manage.py", "check", "--deploy", "--tag", "security", "--fail-level", "WARNING")
    return run(*arguments, **change)


SAFE_CHANGES: list[dict[str, str]] = [{}, {"ENVIRONMENT": "staging"}, {"ALLOWED_HOSTS": ".example.com,[::1]"}]


def test_production_loads_safe_settings() -> None:
    for change in SAFE_CHANGES:
        assert loaded(**change).SECRET_KEY == KEY


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)  # the process must see what is in the database
def test_production_starts_with_safe_settings_and_no_warning() -> None:
    for change in SAFE_CHANGES:
        code, _, complained = check(DATABASE_URL=database_url(), **change)
        assert (code, complained) == (0, ""), change
        assert run("-c", "import config.wsgi", **change)[0] == 0, change


def test_production_refuses_each_unsafe_setting(subtests: pytest.Subtests) -> None:
    for change, line in FAULTS:
        with subtests.test(**change), pytest.raises(ImproperlyConfigured) as refusal:
            loaded(**change)
        assert str(refusal.value) == line


@pytest.mark.slow
def test_commands_and_servers_say_why_they_refuse_to_start() -> None:
    for change, line in FAULTS[:3]:
        assert run("manage.py", "check", **change) == (1, "", f"Configuration: {line}\n")
        code, _, complained = run("-c", "import config.wsgi", **change)
        assert code == 1
        assert complained.endswith(f"django.core.exceptions.ImproperlyConfigured: {line}\n")


def test_production_tells_every_fault_at_once() -> None:
    faults = {"DEBUG": "on", "SECRET_KEY": "x", "ALLOWED_HOSTS": "*", "PUBLIC_URL": "", "REDIS_PASSWORD": "redis"}
    with pytest.raises(ImproperlyConfigured) as refusal:
        loaded(**faults)
    assert str(refusal.value).splitlines() == [
        DEBUG,
        GUESSED,
        STAR,
        "PUBLIC_URL is not set. Say where this server is reached, as https://keystone.example.com.",
        "REDIS_PASSWORD is a password that everybody knows. Choose one of your own.",
    ]


@pytest.mark.slow
def test_the_settings_of_development_are_none_of_production() -> None:
    code, _, complained = run("-c", "import config.wsgi", DJANGO_SETTINGS_MODULE="config.settings.local")
    assert code == 1
    # An entry of the log, as production writes them: whoever collects it sees why nothing started.
    told = json.loads(complained.splitlines()[-1])
    assert (told["level"], told["message"]) == ("CRITICAL", "Uncaught: ImproperlyConfigured")
    assert told["exception"].endswith(f"ImproperlyConfigured: {DEBUG}\n")


def test_no_key_or_password_is_repeated() -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        loaded(SECRET_KEY="hunter2", DATABASE_URL="postgresql://hunter2:hunter2@127.0.0.1/x")
    assert len(str(refusal.value).splitlines()) == 2
    assert "hunter2" not in str(refusal.value)


def faults(password: str = "", **change: Any) -> list[str]:
    return faults_of(
        **{
            "debug": False,
            "secret_key": KEY,
            "secret_key_fallbacks": [],
            "allowed_hosts": ["keystone.example.com"],
            "public_url": "https://keystone.example.com",
            "frontend_url": "",
            "cors_origins": [],
            "passwords": {"SMTP_PASSWORD": password},
            "database": {},
            **change,
        }
    )


def test_a_database_without_a_password_is_let_be() -> None:
    found = faults(
        secret_key_fallbacks=[KEY[::-1]],
        allowed_hosts=["keystone.example.com", ".example.com", "[::1]"],
        cors_origins=["https://app.example.com"],
        passwords={"REDIS_PASSWORD": "", "SMTP_PASSWORD": "Nz4-long-and-random"},
        database={"USER": "", "PASSWORD": None},
    )
    assert found == []


def test_every_known_password_is_refused() -> None:
    known = "changethis ChangeThis password postgres admin Admin@1234 Sample@1234 keystone redis root secret"
    for password in known.split():
        assert faults(password) == ["SMTP_PASSWORD is a password that everybody knows. Choose one of your own."]


# -- What `check --deploy` finds besides -------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)  # the process must see the account
def test_the_check_finds_development_accounts() -> None:
    superuser(email=EMAIL, password=make_password("Admin@1234"))
    code, _, complained = check(DATABASE_URL=database_url())
    assert code == 1
    assert "(keystone.E001) The database contains a development account" in complained
    assert EMAIL in complained


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_check_warns_of_the_sender_of_the_example() -> None:
    code, _, complained = check(DATABASE_URL=database_url(), EMAILS_FROM_EMAIL="")
    assert code == 1
    assert "(keystone.W001) Mails are sent from an address of example.com." in complained
    assert run("-c", "import config.wsgi", EMAILS_FROM_EMAIL="")[0] == 0


def test_the_check_warns_where_mails_cannot_say_where_to_sign_in(settings: Settings) -> None:
    for environment, front_end, found in (
        ("production", "", ["keystone.W002"]),
        ("staging", "", ["keystone.W002"]),
        ("production", "https://app.example.com", []),
        ("local", "", []),
    ):
        settings.ENVIRONMENT, settings.KEYSTONE = environment, {"FRONTEND_URL": front_end}
        assert [message.id for message in find_nowhere_to_sign_in(app_configs=None)] == found
    assert loaded(FRONTEND_URL="").KEYSTONE["FRONTEND_URL"] == ""
