"""The variables of the environment: all of them, where each comes from, what is a secret, and what is a wrong value."""

import os
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from keystone.environment import env
from keystone.environment.variable_finder import HARMLESS_READERS, READERS, SOURCES, TOLD, environment, readings

SECRETS = [
    "EMAIL_PROVIDER_KEY",
    "EMAIL_WEBHOOK_SECRET",
    "FIRST_SUPERUSER_PASSWORD",
    "METRICS_TOKEN",
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "SMTP_PASSWORD",
]


@pytest.fixture(autouse=True)
def _kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "sources", {})


def test_every_variable_that_is_read_is_there() -> None:
    names = {reading.name for reading in readings()}
    assert set(environment().variables) == names
    assert {"ENVIRONMENT", "DATABASE_URL", "REDIS_PORT", "SECURE_HSTS_SECONDS", "FIRST_SUPERUSER"} <= names
    assert not any(name.startswith("TEST_") for name in names)


def test_what_is_not_told_are_the_secrets() -> None:
    untold = [name for name, variable in environment().variables.items() if not variable.is_told]
    assert untold == SECRETS


def test_a_new_text_is_a_secret_until_it_is_named() -> None:
    assert {"text", "line", "url", "words", "postgres"} == READERS - HARMLESS_READERS
    assert sorted(TOLD - {reading.name for reading in readings()}) == []


def test_a_value_comes_from_the_process_from_a_file_or_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REDIS_PORT", "REDIS_DB", "REDIS_SERVER", "PROJECT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REDIS_PORT", "1")
    monkeypatch.setenv("PROJECT_NAME", "")
    (tmp_path / ".env.local").write_text("REDIS_PORT=2\nREDIS_DB=2\nPROJECT_NAME=Other\n")
    (tmp_path / ".env").write_text("REDIS_DB=3\nREDIS_SERVER=cache\n")
    monkeypatch.setattr(os, "environ", dict(os.environ))
    env.load_files(tmp_path)
    found = environment()
    shown = {name: (found.variables[name].shown, found.variables[name].source) for name in ("REDIS_PORT", "REDIS_DB")}
    assert shown == {"REDIS_PORT": ("1", "process environment"), "REDIS_DB": ("2", ".env.local")}
    assert (found.variables["REDIS_SERVER"].shown, found.variables["REDIS_SERVER"].source) == ("cache", ".env")
    assert (found.variables["PROJECT_NAME"].shown, found.variables["PROJECT_NAME"].source) == ("Keystone", "default")
    assert "REDIS_DB" not in found.own
    assert found.own["REDIS_PORT"] == "1"


def test_the_environments_name_is_a_default_where_nobody_gave_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "load_files", lambda: None)
    monkeypatch.setenv("ENVIRONMENT", "")
    assert env.settings_module() == "config.settings.local"
    found = environment()
    assert (found.variables["ENVIRONMENT"].value, found.variables["ENVIRONMENT"].source) == ("local", "default")
    assert "ENVIRONMENT" not in found.own
    assert found.without_files()["ENVIRONMENT"] == "local"


def test_a_value_in_a_file_of_its_own_is_masked_and_comes_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {"SMTP_PASSWORD": "hunter2\n", "DATABASE_URL": "postgresql://me:hunter2@db/keystone\n"}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
        monkeypatch.setenv(name, "")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    found = environment()
    shown = {name: (found.variables[name].shown, found.variables[name].source) for name in contents}
    assert shown == {
        "SMTP_PASSWORD": ("***", str(tmp_path / "SMTP_PASSWORD")),
        "DATABASE_URL": ("postgresql://me:***@db/keystone", str(tmp_path / "DATABASE_URL")),
    }
    assert found.own["SMTP_PASSWORD"] == ""  # what a server's process is started with


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("REDIS_PORT", "6379"),
        ("SECURE_SSL_REDIRECT", "true"),  # of settings that are not loaded here
        ("SMTP_HOST", "localhost"),
        ("ALLOWED_HOSTS", ""),
        ("PASSWORD_BREACH_TIMEOUT", "1.0"),
        ("DATA_DIR", str(env.BASE_DIR / ".data")),
    ],
)
def test_a_default_is_told_as_a_file_would_have_it(name: str, default: str) -> None:
    assert environment().variables[name].default == default


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("REDIS_PORT", "x", "REDIS_PORT must be a whole number, not 'x'."),
        ("REDIS_PORT", "70000", "REDIS_PORT must be between 1 and 65535, not 70000."),
        ("TRUSTED_PROXIES", "11", "TRUSTED_PROXIES must be between 0 and 10, not 11."),  # read twice
        ("DEBUG", "maybe", "DEBUG must be true or false, not 'maybe'."),
        ("ENVIRONMENT", "prod", "ENVIRONMENT must be one of local, testing, staging, production, not 'prod'."),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL, not 'loud'."),
        ("APPROVAL_NOTICES", "x", "APPROVAL_NOTICES must be one of immediate, digest, off, not 'x'."),
        ("PUBLIC_URL", "ftp://x", "PUBLIC_URL must be a URL such as https://example.com, not 'ftp://x'."),
    ],
)
def test_a_wrong_value_is_refused_with_the_readers_own_line(name: str, value: str, line: str) -> None:
    before = os.environ.get(name)
    with pytest.raises(ImproperlyConfigured) as refusal:
        environment().variables[name].check(value)
    assert str(refusal.value) == line
    assert os.environ.get(name) == before


def test_an_address_of_a_database_is_read_as_a_whole() -> None:
    check = environment().variables["DATABASE_URL"].check
    check("postgresql://me:p%40ss@db/keystone")
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL must look like postgresql://"):
        check("mysql://me:hunter2@db/keystone")


@pytest.mark.parametrize(
    ("name", "value"), [("REDIS_PORT", ""), ("DEBUG", "off"), ("ENVIRONMENT", ""), ("LOG_LEVEL", "")]
)
def test_a_right_value_and_none_are_taken(name: str, value: str) -> None:
    environment().variables[name].check(value)


def test_the_testing_environment_reads_no_files() -> None:
    assert environment().files == []


def test_the_project_may_have_variables_of_its_own() -> None:
    assert env.BASE_DIR / "config" / "project.py" not in SOURCES  # whose names need not stand in Keystone's README


def test_a_name_that_nothing_reads_is_told_with_the_closest_known_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env, "BASE_DIR", tmp_path)
    monkeypatch.setenv("ENVIRONMENT", "local")
    (tmp_path / ".env").write_text(
        "DATABSE_URL=hunter2\nXYZZY=1\nGRANIAN_BACKLOG=1\nREDIS_DB=1\nredis_port=1\nREDIS_PASSWORD_FILE=/x\n"
    )
    assert list(map(str, environment().unknown())) == [
        ".env: unknown setting DATABSE_URL. Did you mean DATABASE_URL?",
        ".env: unknown setting XYZZY.",
        ".env: unknown setting redis_port. Did you mean REDIS_PORT?",
    ]
