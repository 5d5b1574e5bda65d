"""The readers of the environment: every value is taken exactly, every wrong one is told in one line."""

import os
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from keystone.environment import env
from keystone.environment.database_url_parser import CONNECTION

DATABASE_NAMES = (
    "DATABASE_URL",
    "POSTGRES_SERVER",
    "POSTGRES_PORT",
    "POSTGRES_USER",
    "POSTGRES_PASSWORD",
    "POSTGRES_DB",
    "DATABASE_POOLER",
)


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in DATABASE_NAMES:
        monkeypatch.delenv(name, raising=False)


def test_text_takes_every_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "$HOME@:/%41#' \"")
    assert env.text("SMTP_PASSWORD") == "$HOME@:/%41#' \""


def test_text_counts_an_empty_value_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROJECT_NAME", "")
    assert env.text("PROJECT_NAME", "Keystone") == "Keystone"
    with pytest.raises(ImproperlyConfigured, match=r"^PROJECT_NAME is not set\. .*\.env\.example"):
        env.text("PROJECT_NAME")


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("Yes", True), ("1", True), ("OFF", False), ("0", False)]
)
def test_flag_reads_the_usual_words(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("SMTP_TLS", value)
    assert env.flag("SMTP_TLS", default=not expected) is expected


def test_flag_is_the_default_where_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_TLS", " ")
    assert env.flag("SMTP_TLS", default=True) is True


@pytest.mark.parametrize("value", ["a,b,c", " a , b,,c ", "a\nb\r\nc\n", '["a", "b", "c"]'])
def test_words_reads_commas_lines_and_json(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", value)
    assert env.words("ALLOWED_HOSTS", []) == ["a", "b", "c"]


def test_seconds_may_have_a_fraction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD_BREACH_TIMEOUT", " 0.5 ")
    assert env.seconds("PASSWORD_BREACH_TIMEOUT", 1.0, maximum=10.0) == 0.5
    monkeypatch.setenv("PASSWORD_BREACH_TIMEOUT", "")
    assert env.seconds("PASSWORD_BREACH_TIMEOUT", 1.0, maximum=10.0) == 1.0


def test_url_drops_the_slash_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://example.com/base/")
    assert env.url("PUBLIC_URL", "") == "https://example.com/base"


@pytest.mark.parametrize("value", ["Key\nstone", "Key\rstone", "Key\x1bstone", "a\u2028b", "a\x85b"])
def test_line_refuses_what_would_end_a_header(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PROJECT_NAME", value)
    with pytest.raises(ImproperlyConfigured, match=r"^PROJECT_NAME must be one line without control characters, not "):
        env.line("PROJECT_NAME", "Keystone")
    monkeypatch.setenv("PROJECT_NAME", " Käse & Söhne „GmbH“ ")
    assert env.line("PROJECT_NAME", "Keystone") == "Käse & Söhne „GmbH“"
    monkeypatch.delenv("PROJECT_NAME")
    assert env.line("PROJECT_NAME", "Keystone") == "Keystone"


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (lambda: env.flag("NAME", default=False), "maybe", "NAME must be true or false, not 'maybe'."),
        (lambda: env.number("NAME", 1), "many", "NAME must be a whole number, not 'many'."),
        (lambda: env.number("NAME", 1, minimum=1), "0", "NAME must be at least 1, not 0."),
        (lambda: env.number("NAME", 1, maximum=9), "10", "NAME must be between 0 and 9, not 10."),
        (lambda: env.seconds("NAME", 1, maximum=9), "nan", "NAME must be a number of seconds up to 9, not 'nan'."),
        (lambda: env.seconds("NAME", 1, maximum=9), "9.5", "NAME must be a number of seconds up to 9, not '9.5'."),
        (lambda: env.seconds("NAME", 1, maximum=9), "0", "NAME must be a number of seconds up to 9, not '0'."),
        (lambda: env.seconds("NAME", 1, maximum=9), "1 s", "NAME must be a number of seconds up to 9, not '1 s'."),
        (lambda: env.words("NAME", []), "[1]", "NAME must be a comma list or a JSON list of strings, not '[1]'."),
        (lambda: env.words("NAME", []), "[a", "NAME must be a comma list or a JSON list of strings, not '[a'."),
        (lambda: env.choice("NAME", "a", ("a", "b")), "c", "NAME must be one of a, b, not 'c'."),
        (lambda: env.url("NAME", ""), "a.com", "NAME must be a URL such as https://example.com, not 'a.com'."),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, read: object, value: str, message: str
) -> None:
    monkeypatch.setenv("NAME", value)
    with pytest.raises(ImproperlyConfigured) as caught:
        read()  # type: ignore[operator]  # a lambda of the table above
    assert str(caught.value) == message


def test_database_url_is_unescaped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "DATABASE_URL", "postgresql://us%40er:p%40s%3As%2F%25w@db.example.com:6432/na%2Fme?sslmode=require"
    )
    assert env.database() == {
        "NAME": "na/me",
        "USER": "us@er",
        "PASSWORD": "p@s:s/%w",
        "HOST": "db.example.com",
        "PORT": 6432,
        "OPTIONS": {**CONNECTION, "sslmode": "require"},
    }


def test_database_url_may_name_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres:///keystone?host=/run/postgresql&connect_timeout=2")
    found = env.database()
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("/run/postgresql", 5432, "keystone")
    assert found["OPTIONS"] == {**CONNECTION, "connect_timeout": "2"}


@pytest.mark.parametrize(
    "address",
    [
        "mysql://user:secret@host/name",
        "postgresql://user:secret@host",
        "postgresql://user:secret@host/",
        "postgresql://user:secret@host:port/name",
        "postgresql://user:se/cret@host/name",
        "postgresql://user:12/secret@host/name",
        "postgresql://user:secret#1@host/name",
        "secret",
    ],
)
def test_a_wrong_database_url_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    with pytest.raises(
        ImproperlyConfigured, match=r"^DATABASE_URL must look like postgresql://.* %40 %2F %3A %25\.$"
    ) as caught:
        env.database()
    assert "secret" not in str(caught.value)


def test_postgres_variables_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_SERVER", "db.example.com")
    monkeypatch.setenv("POSTGRES_USER", "us@er")
    monkeypatch.setenv("POSTGRES_PASSWORD", "p@s:s/%40w")
    assert env.names_a_database()
    assert env.database() == {
        "NAME": "keystone",
        "USER": "us@er",
        "PASSWORD": "p@s:s/%40w",
        "HOST": "db.example.com",
        "PORT": 5432,
        "OPTIONS": CONNECTION,
    }


def test_database_url_wins_over_postgres_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_SERVER", "other.example.com")
    monkeypatch.setenv("DATABASE_URL", "postgresql://user@db.example.com/name")
    assert env.database()["HOST"] == "db.example.com"


@pytest.mark.parametrize(("pooler", "has_no_cursors"), [("", False), ("session", False), ("transaction", True)])
@pytest.mark.parametrize(
    "server", [{"DATABASE_URL": "postgresql://user@db.example.com/name"}, {"POSTGRES_SERVER": "db.example.com"}]
)
def test_server_side_cursors_are_left_out_where_connections_are_handed_on(
    monkeypatch: pytest.MonkeyPatch, server: dict[str, str], pooler: str, has_no_cursors: bool
) -> None:
    for name, value in {**server, "DATABASE_POOLER": pooler}.items():
        monkeypatch.setenv(name, value)
    assert env.database().get("DISABLE_SERVER_SIDE_CURSORS", False) is has_no_cursors


def test_no_database_is_told_in_one_line() -> None:
    assert not env.names_a_database()
    with pytest.raises(ImproperlyConfigured, match=r"^No database is named\. Set DATABASE_URL, or POSTGRES_SERVER"):
        env.database()


def test_files_yield_to_the_environment_and_env_to_env_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEYSTONE_A", "KEYSTONE_B", "KEYSTONE_C"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("KEYSTONE_A", "environment")
    (tmp_path / ".env").write_text("KEYSTONE_A=file\nKEYSTONE_B=file\nKEYSTONE_C=p@s$HOME/%41\n")
    (tmp_path / ".env.local").write_text("KEYSTONE_B=local\n")
    env.load_files(tmp_path)
    assert [os.environ[name] for name in ("KEYSTONE_A", "KEYSTONE_B", "KEYSTONE_C")] == [
        "environment",
        "local",
        "p@s$HOME/%41",
    ]


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(env, "sources", {})
    (tmp_path / ".env.local").write_bytes(b"\xef\xbb\xbfPROJECT_NAME=Acme\r\nLOG_LEVEL=DEBUG\r\n")
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbf# a comment\nPOSTGRES_DB=acme\n")
    env.load_files(tmp_path)
    assert os.environ == {"PROJECT_NAME": "Acme", "LOG_LEVEL": "DEBUG", "POSTGRES_DB": "acme"}


def test_testing_reads_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("KEYSTONE_D=file\n")
    monkeypatch.setattr(env.load_files, "__defaults__", (tmp_path,))
    monkeypatch.setenv("ENVIRONMENT", "testing")
    assert env.settings_module() == "config.settings.testing"
    assert "KEYSTONE_D" not in os.environ


def test_staging_runs_on_the_settings_of_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "staging")
    monkeypatch.setattr(env, "load_files", lambda: None)
    assert env.settings_module() == "config.settings.production"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"SECRET hunter2", r"\.env, line 1: write NAME=value"),
        (b"# fine\nA=1\nSECRET = hunter2", r"\.env, line 3: write NAME=value"),
        (b"A-B=hunter2", r"\.env, line 1: write NAME=value"),
        (b"SECRET=\xff\xfehunter2", r"\.env is not text in UTF-8\.$"),
    ],
)
def test_a_broken_file_is_told_by_its_line_and_not_by_its_text(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match=message) as caught:
        env.load_files(tmp_path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_PORT"])
def test_a_part_of_an_address_without_a_server_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "5433")
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} is set, but POSTGRES_SERVER is not\."):
        env.names_a_database()


def test_an_unknown_option_of_the_url_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:secret@host/keystone?foo=bar")
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL has an option .*: foo\.$"):
        env.database()


@pytest.mark.parametrize(("written", "expected"), [("", 0.25), ("0", 0.0), (" 0.1 ", 0.1), ("1", 1.0)])
def test_share_is_from_none_to_all(monkeypatch: pytest.MonkeyPatch, written: str, expected: float) -> None:
    monkeypatch.setenv("TRACED", written)
    assert env.share("TRACED", 0.25) == expected


@pytest.mark.parametrize("written", ["-0.1", "1.1", "nan", "half"])
def test_share_refuses_what_is_none(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("TRACED", written)
    with pytest.raises(ImproperlyConfigured, match="TRACED must be a number from 0 to 1"):
        env.share("TRACED", 0.25)
