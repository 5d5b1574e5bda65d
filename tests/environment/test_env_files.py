"""NAME_FILE: a value that a file holds alone, as Docker and Kubernetes hand out secrets."""

import os
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from keystone.environment import env
from tests.environment.test_env import no_database  # noqa: F401 - a fixture


def test_a_value_can_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "smtp"
    secret.write_bytes(b" p@s$HOME/%41\nline two \r\n")
    monkeypatch.setenv("SMTP_PASSWORD_FILE", str(secret))
    monkeypatch.setenv("SMTP_PASSWORD", "")  # as a compose file may have it: absent
    assert env.text("SMTP_PASSWORD") == " p@s$HOME/%41\nline two "
    assert os.environ["SMTP_PASSWORD"] == ""  # no child inherits it


def test_a_file_is_read_by_every_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in (("REDIS_PORT", "6380\n"), ("DATABASE_URL", "postgresql://me:p%40ss@db/shop\n")):
        (tmp_path / name).write_text(content)
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    assert env.number("REDIS_PORT", 6379) == 6380
    assert env.names_a_database()
    assert env.database()["PASSWORD"] == "p@ss"


def test_the_mark_that_windows_begins_files_with_is_no_part_of_the_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_bytes(b"\xef\xbb\xbfhunter2\r\n")
    monkeypatch.delenv("SMTP_PASSWORD", raising=False)
    monkeypatch.setenv("SMTP_PASSWORD_FILE", str(tmp_path / "secret"))
    assert env.text("SMTP_PASSWORD") == "hunter2"


def test_a_value_and_its_file_are_refused_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2")
    monkeypatch.setenv("SMTP_PASSWORD_FILE", "/run/secrets/smtp_password")
    with pytest.raises(
        ImproperlyConfigured, match=r"^SMTP_PASSWORD and SMTP_PASSWORD_FILE are both set\. Set one of them\.$"
    ):
        env.text("SMTP_PASSWORD", "")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read (No such file or directory)."),
        (b"hunter2\xff", "is not text in UTF-8."),
        (b"\n", "is empty."),
    ],
)
def test_a_file_that_gives_no_value_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, why: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SECRET_KEY_FILE", str(path))
    with pytest.raises(ImproperlyConfigured) as refusal:
        env.text("SECRET_KEY", "a default would hide it")
    assert str(refusal.value) == f"SECRET_KEY_FILE: {path} {why}"


def test_the_stronger_source_wins_whether_it_has_the_value_or_names_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("file\n")
    (tmp_path / ".env").write_text(f"KEYSTONE_E=weak\nKEYSTONE_F_FILE={tmp_path}/secret\n")
    environ = {"KEYSTONE_E_FILE": f"{tmp_path}/secret", "KEYSTONE_F": "strong"}
    monkeypatch.setattr(os, "environ", environ)
    monkeypatch.setattr(env, "sources", {})
    env.load_files(tmp_path)
    assert (env.text("KEYSTONE_E"), env.text("KEYSTONE_F")) == ("file", "strong")


def test_even_the_environments_name_can_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "name").write_text("staging\n")
    monkeypatch.setattr(os, "environ", {"ENVIRONMENT_FILE": f"{tmp_path}/name"})
    monkeypatch.setattr(env, "sources", {})
    monkeypatch.setattr(env, "load_files", lambda: None)
    assert env.settings_module() == "config.settings.production"
    assert os.environ == {"ENVIRONMENT": "staging"}
    assert env.sources == {}
