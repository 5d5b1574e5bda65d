"""`server prestart`: each step's exit status, the first administrator, and several starts at once."""

import json

import psycopg
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from keystone.accounts.models import User
from keystone.development.known_accounts import KnownAccounts, refuse_known_accounts
from keystone.server.first_administrator import (
    Administrator,
    NoPassword,
    UnfitAddress,
    WeakPassword,
    ensure_first_administrator,
)
from keystone.testing.factories import UserFactory, superuser
from tests.database.own_database import OwnDatabase
from tests.served.server import free_port
from tests.server.conftest import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")

EMAIL, PASSWORD = "root@keystone.test", "correct horse 9 battery"
FIRST = {"FIRST_SUPERUSER": EMAIL, "FIRST_SUPERUSER_PASSWORD": PASSWORD}
LOCAL = {"ENVIRONMENT": "local", "DJANGO_SETTINGS_MODULE": "config.settings.local"}
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def name_first(settings: Settings, email: str = EMAIL, password: str = PASSWORD) -> None:
    settings.FIRST_SUPERUSER, settings.FIRST_SUPERUSER_PASSWORD = email, password


# -- Refusals, each with the exit status of its step -------------------------------------------------------------
@pytest.mark.slow
def test_a_database_that_does_not_answer_is_exit_status_10(fresh: OwnDatabase) -> None:
    arguments = ("server", "prestart", "--retries", "1", "--interval", "0.1", "--timeout", "2")
    code, said = fresh.manage(*arguments, DATABASE_URL=NOWHERE)
    lines = said.splitlines()
    assert code == 10
    assert lines[0].startswith("Attempt 1 of 2: The database does not answer:")
    assert lines[-1].startswith("CommandError: The database does not answer:")


@pytest.mark.slow
def test_a_migration_that_fails_is_exit_status_11(fresh: OwnDatabase) -> None:
    fresh.run("CREATE TABLE keystone_user (id int)")
    code, said = fresh.manage("server", "prestart", **FIRST)
    assert code == 11
    assert "keystone.0001_initial" in said
    assert "keystone.0001_initial" not in [f"keystone.{name}" for name in fresh.applied("keystone")]


@pytest.mark.slow
def test_a_migration_that_waits_for_a_lock_gives_up_in_time(fresh: OwnDatabase) -> None:
    assert fresh.manage("db", "upgrade")[0] == 0
    assert fresh.manage("db", "downgrade", "0005_decisions_and_imports", "--branch", "keystone", "--yes")[0] == 0
    with psycopg.connect(**fresh.arguments) as holder:
        holder.execute("LOCK TABLE keystone_user IN ROW EXCLUSIVE MODE")
        code, said = fresh.manage("server", "prestart", "--lock-timeout", "0.2")
    assert code == 11
    assert "0.2" in said
    assert "0006_search" not in fresh.applied("keystone")


@pytest.mark.slow
def test_an_administrator_without_a_password_is_exit_status_12(fresh: OwnDatabase) -> None:
    code, said = fresh.manage("server", "prestart", FIRST_SUPERUSER=EMAIL)
    assert code == 12
    assert said.splitlines()[-1] == ("CommandError: FIRST_SUPERUSER is set, but FIRST_SUPERUSER_PASSWORD is not.")
    assert fresh.rows("SELECT count(*) FROM keystone_user") == [(0,)]


def test_sample_people_on_a_server_are_exit_status_13_before_anything_is_done() -> None:
    with pytest.raises(CommandError, match=r"runs in the local environment only") as refusal:
        call_command("server", "prestart", "--seed")
    assert refusal.value.returncode == 13


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("password", "line"),
    [
        ("short 9", "This password is too short. It must contain at least 8 characters."),
        ("12345678901", "This password is entirely numeric."),
        ("root@keystone.test", "The password is too similar to the email address."),
    ],
)
def test_the_validators_judge_the_administrators_password(settings: Settings, password: str, line: str) -> None:
    name_first(settings, password=password)
    with pytest.raises(WeakPassword) as refusal:
        ensure_first_administrator()
    assert line in refusal.value.detail
    assert refusal.value.detail.startswith("FIRST_SUPERUSER_PASSWORD: ")
    assert password not in refusal.value.detail
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["Admin@1234", "Sample@1234", "changethis"])
def test_a_server_refuses_the_published_passwords(settings: Settings, password: str) -> None:
    settings.ENVIRONMENT = "production"
    name_first(settings, password=password)
    with pytest.raises(WeakPassword, match=r"this password is public\. Choose your own\.$"):
        ensure_first_administrator()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("email", "line"),
    [
        ("Admin@Example.com", "FIRST_SUPERUSER: this is the address of a development account. Give your own."),
        ("nobody", "FIRST_SUPERUSER: Enter a valid email address."),
        ("person@keystone.test", "FIRST_SUPERUSER: this address belongs to somebody who is not a superuser."),
    ],
)
def test_an_unfit_address_is_refused(settings: Settings, email: str, line: str) -> None:
    User.objects.create_user("person@keystone.test", PASSWORD)
    settings.ENVIRONMENT = "production"
    name_first(settings, email=email)
    with pytest.raises(UnfitAddress) as refusal:
        ensure_first_administrator()
    assert refusal.value.detail == line
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_a_server_with_development_accounts_does_not_start(settings: Settings) -> None:
    UserFactory(email="admin@example.com")
    refuse_known_accounts()
    settings.ENVIRONMENT = "production"
    line = "The database contains a development account, whose password is public: admin@example.com"
    with pytest.raises(KnownAccounts) as refusal:
        refuse_known_accounts()
    assert refusal.value.detail == line
    with pytest.raises(CommandError) as ended:
        call_command("server", "run", "--port", str(free_port()))
    assert str(ended.value) == line
    with pytest.raises(CommandError) as ended:
        call_command("server", "prestart")
    assert (str(ended.value), ended.value.returncode) == (line, 14)


# -- What is done ------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_first_administrator_can_do_everything_and_is_made_once(settings: Settings) -> None:
    name_first(settings)
    assert ensure_first_administrator() == Administrator(made=EMAIL)
    user = User.objects.get()
    assert (user.email, user.is_active, user.is_staff, user.is_superuser) == (EMAIL, True, True, True)
    assert user.email_verified_at is not None
    assert user.check_password(PASSWORD)
    assert ensure_first_administrator() == Administrator(is_there=True)


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["", "x", PASSWORD])
def test_where_there_is_a_superuser_nothing_is_made(settings: Settings, password: str) -> None:
    superuser()
    name_first(settings, password=password)
    assert ensure_first_administrator() == Administrator(is_there=True)
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_without_a_name_nobody_is_made(settings: Settings) -> None:
    name_first(settings, email="")
    assert ensure_first_administrator() == Administrator()
    name_first(settings, password="")
    with pytest.raises(NoPassword):
        ensure_first_administrator()
    assert not User.objects.exists()


@pytest.mark.slow
def test_five_starts_at_once_prepare_a_fresh_database_once(fresh: OwnDatabase) -> None:
    started = [fresh.start("server", "prestart", "--json", **FIRST) for _ in range(5)]
    said = [process.communicate(timeout=PATIENCE * 3)[0] for process in started]
    assert [process.returncode for process in started] == [0] * 5, said
    done = [json.loads(text[text.index("{") : text.rindex("}") + 1]) for text in said]
    [migrations] = [one["migrations"] for one in done if one["migrations"]]
    assert "keystone.0001_initial" in migrations
    assert sorted(one["administrator"] or "" for one in done) == ["", "", "", "", EMAIL]
    assert fresh.rows("SELECT email, is_superuser FROM keystone_user") == [(EMAIL, True)]
    assert fresh.rows("SELECT count(*), count(DISTINCT (app, name)) FROM django_migrations") == [(len(migrations),) * 2]
    assert fresh.rows("SELECT count(*) FROM keystone_auditevent WHERE action = 'user.created'") == [(1,)]


@pytest.mark.slow
def test_sample_people_are_made_once_in_the_local_environment(fresh: OwnDatabase) -> None:
    started = [fresh.start("server", "prestart", "--seed", **LOCAL) for _ in range(2)]
    said = [process.communicate(timeout=PATIENCE * 3)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    assert sum("sample people." in text for text in said) == 1
    assert fresh.rows("SELECT count(*) FROM keystone_user WHERE is_superuser") == [(1,)]


@pytest.mark.parametrize("option", ["--interval", "--timeout", "--lock-timeout"])
def test_what_is_no_number_of_seconds_is_refused(option: str) -> None:
    with pytest.raises(CommandError, match=r"Give a number of seconds up to 1000000\.$"):
        call_command("server", "prestart", option, "nan")
