"""The checks, and the settings that stop every start."""

import pytest
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DataError, connection
from pytest_django import Settings

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.checks import find_example_sender, find_refused_cookies, refuse_unsafe_settings
from keystone.development.checks import find_development_accounts
from keystone.development.people import SAMPLES
from keystone.testing.factories import UserFactory


def found(*databases: str) -> list[checks.CheckMessage]:
    return find_development_accounts(app_configs=None, databases=databases)


@pytest.mark.parametrize("alias", ["default", "reports"])
def test_atomic_requests_stop_the_start(settings: Settings, monkeypatch: pytest.MonkeyPatch, alias: str) -> None:
    refuse_unsafe_settings()
    monkeypatch.setitem(settings.DATABASES, alias, {"ATOMIC_REQUESTS": True})
    with pytest.raises(ImproperlyConfigured, match=rf"^DATABASES\['{alias}'\] has ATOMIC_REQUESTS\. Turn it off: "):
        refuse_unsafe_settings()


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_debug_stops_the_start_of_a_server_and_of_nothing_else(settings: Settings, environment: str) -> None:
    settings.DEBUG = True
    for settings.ENVIRONMENT in ("local", "testing"):
        refuse_unsafe_settings()
    settings.ENVIRONMENT = environment
    with pytest.raises(ImproperlyConfigured, match=r"^DEBUG is on\."):
        refuse_unsafe_settings()


def test_a_server_does_not_start_with_settings_that_nothing_has_checked(settings: Settings) -> None:
    settings.ENVIRONMENT = "production"
    with pytest.raises(ImproperlyConfigured, match=r"^Nothing has checked these settings\."):
        refuse_unsafe_settings()
    settings.UNSAFE = []
    refuse_unsafe_settings()


@pytest.mark.django_db
@pytest.mark.parametrize("environment", ["staging", "production"])
def test_development_accounts_are_found_on_a_server(settings: Settings, environment: str) -> None:
    UserFactory(email="Admin@Example.com")
    UserFactory(email=SAMPLES[4].email)
    UserFactory(email="dana.reyes@example.com", status=Status.SUSPENDED)
    UserFactory(email="sam.rivera@example.org", status=Status.PENDING_EMAIL_VERIFICATION)
    UserFactory(email="somebody@example.com")
    assert found("default") == []
    settings.ENVIRONMENT = environment
    [error] = found("default")
    assert (error.id, error.level) == ("keystone.E001", checks.ERROR)
    assert error.msg == (
        "The database contains 4 development accounts, whose passwords are public: "
        "Admin@Example.com, dana.reyes@example.com, hana.sato@example.net …"
    )
    assert error.hint is not None
    assert found() == []


@pytest.mark.django_db
def test_closed_development_accounts_are_no_fault(settings: Settings) -> None:
    settings.ENVIRONMENT = "production"
    UserFactory(email="admin@example.com", status=Status.DEACTIVATED)
    assert found("default") == []


@pytest.mark.django_db
def test_a_database_without_tables_is_no_fault(settings: Settings) -> None:
    settings.ENVIRONMENT = "production"
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{User._meta.db_table}" RENAME TO "elsewhere"')
    assert found("default") == []


@pytest.mark.django_db
def test_check_deploy_finds_development_accounts_without_naming_a_database(settings: Settings) -> None:
    settings.ENVIRONMENT = "production"
    UserFactory(email="admin@example.com")
    errors = checks.run_checks(include_deployment_checks=True)
    assert [error.msg for error in errors if error.id == "keystone.E001"] == [
        "The database contains a development account, whose password is public: admin@example.com"
    ]


@pytest.mark.django_db
def test_a_database_that_does_not_answer_is_told_and_no_error(settings: Settings) -> None:
    settings.ENVIRONMENT = "production"
    with pytest.raises(DataError), connection.cursor() as cursor:
        cursor.execute("SELECT 1/0")  # the transaction takes no more queries
    [info] = found("default")
    assert (info.id, info.level) == ("keystone.I001", checks.INFO)
    assert info.msg.startswith(
        "Whether the database 'default' holds development accounts is unknown: current transaction"
    )


def test_the_checks_run_with_deploy_only() -> None:
    deploy = checks.registry.registry.get_checks(include_deployment_checks=True)
    assert {find_development_accounts, find_example_sender} <= set(deploy)
    assert not {find_development_accounts, find_example_sender} & set(checks.registry.registry.get_checks())


@pytest.mark.parametrize(
    ("environment", "sender", "ids"),
    [
        ("production", "Keystone <no-reply@example.com>", ["keystone.W001"]),
        ("staging", "no-reply@example.com", ["keystone.W001"]),
        ("production", "Keystone <no-reply@keystone.test>", []),
        ("production", "example.com <no-reply@keystone.test>", []),
        ("local", "Keystone <no-reply@example.com>", []),
    ],
)
def test_the_sender_of_the_example_is_told_on_a_server(
    settings: Settings, environment: str, sender: str, ids: list[str]
) -> None:
    settings.ENVIRONMENT, settings.DEFAULT_FROM_EMAIL = environment, sender
    assert [message.id for message in find_example_sender(app_configs=None)] == ids


def test_cookies_that_browsers_refuse_for_their_name_are_found(settings: Settings) -> None:
    assert find_refused_cookies(app_configs=None) == []
    settings.SESSION_COOKIE_NAME, settings.SESSION_COOKIE_SECURE = "__Host-acme_sessionid", True
    assert find_refused_cookies(app_configs=None) == []
    for name, value, fault in (
        ("SESSION_COOKIE_SECURE", False, "SESSION_COOKIE_SECURE is False"),
        ("SESSION_COOKIE_DOMAIN", ".example.com", "SESSION_COOKIE_DOMAIN is set"),
        ("SESSION_COOKIE_PATH", "/app/", "SESSION_COOKIE_PATH is not /"),
    ):
        before = getattr(settings, name)
        setattr(settings, name, value)
        [error] = find_refused_cookies(app_configs=None)
        assert (error.id, error.msg) == (
            "keystone.E002",
            f"Browsers refuse the cookie '__Host-acme_sessionid': {fault}.",
        )
        setattr(settings, name, before)
