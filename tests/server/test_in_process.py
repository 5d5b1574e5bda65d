"""`manage.py server` in the tests' own process, on a product with files of its own."""

import io
import json
import os
from typing import Any

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from pytest_django import Settings

from keystone.environment.variables import DEFAULT, PROCESS, Variable
from keystone.server import checking
from keystone.server.checking import check_production, check_settings
from keystone.server.setting import WrongValue, set_variable
from keystone.testing.factories import superuser
from tests.server.conftest import Product

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")


@pytest.fixture
def here(product: Product, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Product:
    """The product, as if this process had been started in it."""
    monkeypatch.setenv("PYTHONPATH", str(settings.BASE_DIR))
    monkeypatch.setenv("ENVIRONMENT", "local")
    known = ("DATABASE_URL", "PROJECT_NAME", "UNVERIFIED_EXPIRE_DAYS", "UNVERIFIED_WARN_DAYS")
    for name in [name for name in os.environ if name in known or name.startswith(("POSTGRES_", "REDIS_", "CACHE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("keystone.environment.env.BASE_DIR", product.folder)
    settings.BASE_DIR = product.folder
    return product


def run(*arguments: str, **options: Any) -> tuple[str, str]:
    """What a command says and complains of."""
    said, complained = io.StringIO(), io.StringIO()
    call_command("server", *arguments, stdout=said, stderr=complained, **options)
    return said.getvalue(), complained.getvalue()


# -- set-config --------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_a_setting_is_tried_and_written_where_it_is_read(here: Product) -> None:
    file = here.folder / ".env.local"
    written = set_variable("PROJECT_NAME", "Mine")
    assert (written.file, written.changed, written.stronger, written.is_read) == (file.resolve(), True, "", True)
    assert file.read_text() == "PROJECT_NAME=Mine\n"
    said, complained = run("set-config", "PROJECT_NAME", "Ours")
    assert said.splitlines()[1] == "Restart running processes to apply it."
    assert complained == ""


def test_what_nothing_would_start_with_is_not_written(here: Product) -> None:
    file = here.write(".env.local", "UNVERIFIED_WARN_DAYS=23\n")
    with pytest.raises(WrongValue, match=r"^Nothing would start with this value: Configuration: .*must be longer"):
        set_variable("UNVERIFIED_EXPIRE_DAYS", "3")
    assert file.read_text() == "UNVERIFIED_WARN_DAYS=23\n"


@pytest.mark.slow
def test_what_wins_over_a_file_is_told(here: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    here.write(".env.local", "PROJECT_NAME=Stronger\n")
    _said, complained = run("set-config", "PROJECT_NAME", "Mine", "--file", str(here.folder / ".env"))
    assert complained == "It has no effect: .env.local has another value, which takes precedence.\n"
    monkeypatch.setenv("PROJECT_NAME", "Strongest")
    assert set_variable("PROJECT_NAME", "Mine").stronger == PROCESS
    _said, complained = run("set-config", "PROJECT_NAME", "Yours")
    assert complained == "It has no effect: the process environment has another value, which takes precedence.\n"


@pytest.mark.slow
def test_a_value_is_read_from_standard_input(here: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hunter2 \r\n"))
    said, _complained = run("set-config", "SMTP_PASSWORD", "--stdin")
    assert (here.folder / ".env.local").read_text() == 'SMTP_PASSWORD="hunter2 "\n'
    assert "hunter2" not in said


# -- config ------------------------------------------------------------------------------------------------------
def test_settings_are_printed_as_a_table_and_as_data(here: Product) -> None:
    here.write(".env", "REDIS_PROT=1\n")
    said, complained = run("config", "REDIS_PORT", "SMTP_PASSWORD")
    assert [line.split() for line in said.splitlines()] == [
        ["Setting", "Value", "Source"],
        ["REDIS_PORT", "6379", "default"],
        ["SMTP_PASSWORD", "default"],
    ]
    assert complained == ".env: unknown setting REDIS_PROT. Did you mean REDIS_PORT?\n"
    told = json.loads(run("config", "REDIS_PORT", "--json")[0])
    assert told["settings"] == [
        {"name": "REDIS_PORT", "value": "6379", "source": DEFAULT, "secret": False, "kind": "number"}
    ]
    assert told["unknown"] == [{"file": ".env", "name": "REDIS_PROT", "closest": "REDIS_PORT"}]


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("origins", "https://a.example,https://b.example", "https://a.example,https://b.example"),
        ("words", '["https://a.example", "b.example"]', "https://a.example,b.example"),
        ("words", "https://a.example?key=hunter2,b", "https://a.example?key=***,b"),
        ("words", "https://me:1,hunter2@a.example", "https://***@a.example"),
        ("text", "https://a.example,https://b.example", "***"),
        ("words", "", ""),
    ],
)
def test_each_address_of_a_list_is_shown_without_its_secrets(kind: str, value: str, shown: str) -> None:
    made = Variable("NAME", kind, value, "", PROCESS, is_told=True, check=lambda _value: None)
    assert made.shown == shown


# -- check -------------------------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.django_db
def test_production_is_looked_at_from_a_developers_machine(here: Product) -> None:
    superuser(email="known@keystone.test", password="changethis")
    here.write(".env", "DEBUG=true\nSMTP_HOST=127.0.0.1\nSMTP_PORT=1\n")
    said, complained = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError, match=r"^\d+ problems would stop production\.$"):
        call_command("server", "check", stdout=said, stderr=complained)
    lines = said.getvalue().splitlines()
    assert lines[:2] == [
        "STOPS      No database is configured, and production has no embedded one. (keystone.E004)",
        "           → Set DATABASE_URL, or POSTGRES_SERVER with POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB.",
    ]
    away = "Mails cannot be sent: The mail server cannot be reached. Check SMTP_HOST and SMTP_PORT."
    assert {
        "STOPS      DEBUG is on. Its pages show settings and data to everybody: leave it out. (keystone.E005)",
        "STOPS      Superusers with a well-known password: known@keystone.test (keystone.E006)",
        f"endangers  {away} (keystone.W013)",
    } < set(lines)


@pytest.mark.django_db
def test_production_checks_itself(settings: Settings) -> None:
    settings.ENVIRONMENT = "production"
    settings.UNSAFE = ["DEBUG is on."]
    found = check_production()
    assert checks.Error("DEBUG is on.", id="keystone.E005") in found
    assert [message.level for message in found] == sorted((message.level for message in found), reverse=True)
    assert {message.id for message in found} >= {message.id for message in check_settings()} | {"keystone.W070"}
    said = io.StringIO()
    with pytest.raises(CommandError, match="would stop production"):
        call_command("server", "check", "--json", stdout=said)
    assert json.loads(said.getvalue())["findings"] == [checking.as_data(message) for message in found]


@pytest.mark.django_db
def test_a_wrong_value_is_told_among_the_others(here: Product) -> None:
    here.write(".env", "SECURE_HSTS_SECONDS=x\nDATABASE_URL=postgresql://me@127.0.0.1:1/none\n")
    text = "SECURE_HSTS_SECONDS must be a whole number, not 'x'."
    assert checks.Error(text, id="keystone.E005") in check_production()


@pytest.mark.django_db
def test_settings_that_cannot_be_checked_in_time_do_not_stop_the_others(
    here: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "TIMEOUT", 0.01)
    found = {message.id for message in check_production()}
    assert {"keystone.W091", "keystone.W070"} <= found


# -- prestart ----------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_start_is_prepared_and_a_second_time_there_is_nothing_to_do(settings: Settings) -> None:
    settings.FIRST_SUPERUSER, settings.FIRST_SUPERUSER_PASSWORD = "first@keystone.test", "a word of its own 9"
    said, _complained = run("prestart")
    assert said == "No migration was pending.\nCreated the administrator first@keystone.test.\n"
    assert run("prestart")[0] == "No migration was pending.\nA superuser exists.\n"
    assert json.loads(run("prestart", "--json")[0]) == {"migrations": [], "administrator": None, "people": 0}


@pytest.mark.django_db(transaction=True)
def test_without_a_superuser_it_is_told_how_to_make_one(settings: Settings) -> None:
    settings.FIRST_SUPERUSER = ""
    assert run("prestart")[0].endswith("is not set. Run manage.py user create --is-superuser\n")
    settings.FIRST_SUPERUSER, settings.FIRST_SUPERUSER_PASSWORD = "first@keystone.test", ""
    with pytest.raises(CommandError, match="FIRST_SUPERUSER_PASSWORD is not") as refusal:
        run("prestart")
    assert refusal.value.returncode == 12
