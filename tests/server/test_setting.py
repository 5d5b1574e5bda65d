"""`server set-config` and `server config`, on a product with `.env` files of its own."""

import io
import json
import os
import pty
import select
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from keystone.environment.variables import environment
from keystone.management.commands import server
from keystone.server.completing import complete_variable
from keystone.server.setting import WrongValue, set_variable
from tests.server.conftest import PATIENCE, Product

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")

ON_COMMAND_LINE = "A secret on the command line stays in the shell's history and is visible to others: use --stdin."


def file_values(path: Path) -> dict[str, str]:
    """What the settings read from a file."""
    return environment().values_of(path)


def set_config(*arguments: str, **options: Any) -> tuple[str, str]:
    """The command in this process: what it said and complained of."""
    said, complained = io.StringIO(), io.StringIO()
    call_command("server", "set-config", *arguments, stdout=said, stderr=complained, **options)
    return said.getvalue(), complained.getvalue()


# -- What is refused ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("REDIS_PROT", "1"), "There is no setting REDIS_PROT. Did you mean REDIS_PORT?"),
        (("XYZZY", "1"), "There is no setting XYZZY."),
        (("REDIS_PORT", "x"), "REDIS_PORT must be a whole number, not 'x'."),
        (("REDIS_PORT", "0"), "REDIS_PORT must be between 1 and 65535, not 0."),
        (("PROJECT_NAME", "a\nb"), "This value cannot be written to a file: it must be one line of text."),
        (("REDIS_PORT", "1", "--stdin"), "Give a value or --stdin, not both."),
        (
            ("REDIS_PORT",),
            "This command asks a question, and there is no terminal to answer on. Use a value, or --stdin.",
        ),
    ],
)
def test_a_wrong_setting_is_refused_and_nothing_is_written(
    tmp_path: Path, arguments: tuple[str, ...], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    file = tmp_path / "file"
    with pytest.raises(CommandError) as refusal:
        set_config(*arguments, "--file", str(file))
    assert str(refusal.value) == line
    assert not file.exists()


def test_a_secret_is_not_repeated_where_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongValue) as refusal:
        set_variable("SECRET_KEY_FALLBACKS", '["hunter2"', file=tmp_path / "file")
    assert str(refusal.value) == "SECRET_KEY_FALLBACKS must be a comma list or a JSON list of strings, not ***."


@pytest.mark.slow
def test_what_is_right_alone_and_wrong_beside_the_others_is_refused(product: Product) -> None:
    file = product.write(".env.local", "UNVERIFIED_WARN_DAYS=23\n")
    code, said, complained = product.run("set-config", "UNVERIFIED_EXPIRE_DAYS", "3")
    assert (code, said) == (1, "")
    assert complained == (
        "CommandError: Nothing would start with this value: Configuration: KEYSTONE['UNVERIFIED_EXPIRE_AFTER'] must be "
        "longer than KEYSTONE['UNVERIFIED_WARNED_AFTER'], or 0.\n"
    )
    assert file.read_text() == "UNVERIFIED_WARN_DAYS=23\n"


# -- What is written ---------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_a_setting_is_written_into_env_local_and_read_from_there(product: Product) -> None:
    product.write(".env", "PROJECT_NAME=Weaker\n")
    code, said, complained = product.run("set-config", "PROJECT_NAME", "The \"best\" 'one' \\n")
    file = product.folder.resolve() / ".env.local"
    assert (code, complained) == (0, "")
    assert said.splitlines() == [
        f"PROJECT_NAME is set in {file}.",
        "Restart running processes to apply it.",
    ]
    assert file.stat().st_mode & 0o777 == 0o600
    code, said, complained = product.run("config", "PROJECT_NAME", "--json")
    assert (code, complained) == (0, "")
    assert json.loads(said)["settings"] == [
        {
            "name": "PROJECT_NAME",
            "value": "The \"best\" 'one' \\n",
            "source": ".env.local",
            "secret": False,
            "kind": "line",
        }
    ]


@pytest.mark.slow
def test_a_value_that_the_process_environment_wins_over_is_told(product: Product) -> None:
    code, said, complained = product.run("set-config", "REDIS_PORT", "77", REDIS_PORT="")
    assert (code, said) == (0, f"REDIS_PORT is set in {product.folder.resolve()}/.env.local.\n")
    assert complained == "It has no effect: the process environment has another value, which takes precedence.\n"


@pytest.mark.slow
def test_a_value_that_another_file_wins_over_is_told(product: Product) -> None:
    product.write(".env.local", "REDIS_PORT=1\n")
    code, _said, complained = product.run("set-config", "REDIS_PORT", "77", "--file", ".env")
    assert (code, complained) == (0, "It has no effect: .env.local has another value, which takes precedence.\n")
    assert file_values(product.folder / ".env") == {"REDIS_PORT": "77"}


@pytest.mark.slow
def test_a_secret_comes_by_standard_input_and_is_shown_nowhere(product: Product) -> None:
    key = "hunter2-" * 8
    code, said, complained = product.run("set-config", "SMTP_PASSWORD", "--stdin", typed=f"{key}\n")
    assert (code, complained) == (0, "")
    assert file_values(product.folder / ".env.local") == {"SMTP_PASSWORD": key}
    assert key not in said


def test_a_secret_on_the_command_line_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "file"
    said, complained = set_config("SMTP_PASSWORD", "hunter2", "--file", str(file))
    assert complained.splitlines() == [ON_COMMAND_LINE, "This environment does not read that file."]
    assert said == f"SMTP_PASSWORD is set in {file}.\n"
    assert file_values(file) == {"SMTP_PASSWORD": "hunter2"}


def test_a_setting_that_is_so_already_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    set_config("REDIS_PORT", "77", "--file", str(file))
    said, _complained = set_config("REDIS_PORT", "77", "--file", str(file))
    assert said == f"REDIS_PORT already had this value in {file}.\n"


# -- What is shown -----------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_settings_are_shown_with_their_source_and_without_secrets(product: Product) -> None:
    product.write(".env.local", "SMTP_PASSWORD=hunter2\nSENTRY_DSN=https://hunter2@sentry.example.com/1\n")
    product.write(".env", "REDIS_PROT=hunter2\nREDIS_DB=3\n")
    url = "postgresql://me:hunter2@127.0.0.1/keystone"
    code, said, complained = product.run("config", DATABASE_URL=url)
    lines = [line.split() for line in said.splitlines()]
    assert code == 0
    assert lines[0] == ["Setting", "Value", "Source"]
    assert ["DATABASE_URL", "postgresql://me:***@127.0.0.1/keystone", "process", "environment"] in lines
    assert ["SENTRY_DSN", "https://***@sentry.example.com/1", ".env.local"] in lines
    assert ["SMTP_PASSWORD", "***", ".env.local"] in lines
    assert ["REDIS_DB", "3", ".env"] in lines
    assert ["REDIS_PORT", "6379", "default"] in lines
    assert ["ENVIRONMENT", "local", "default"] in lines
    assert complained == ".env: unknown setting REDIS_PROT. Did you mean REDIS_PORT?\n"
    assert "hunter2" not in said


def test_an_unknown_setting_cannot_be_shown() -> None:
    with pytest.raises(CommandError, match=r"^There is no setting DATABASE_ULR\. Did you mean DATABASE_URL\?$"):
        call_command("server", "config", "REDIS_PORT", "DATABASE_ULR")


def test_settings_are_completed_in_capitals_or_not() -> None:
    context: Any = None
    assert server.Command.requires_system_checks == []
    assert [item.value for item in complete_variable(context, context, "redis_p")] == ["REDIS_PASSWORD", "REDIS_PORT"]


@pytest.mark.slow
def test_a_secret_is_asked_for_on_a_terminal_and_not_shown(product: Product) -> None:
    ours, theirs = pty.openpty()
    process = product.start("set-config", "SMTP_PASSWORD", output=theirs, typed_on=theirs)
    os.close(theirs)
    said, end = b"", time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                said += os.read(ours, 65536)
            except OSError:  # nobody has the other side open any more
                break
            if said.endswith(b": "):
                os.write(ours, b"hunter2 \n")
    os.close(ours)
    process.kill()  # where it is not over by itself
    process.communicate(timeout=PATIENCE)
    assert b"SMTP_PASSWORD: " in said
    assert b"hunter2" not in said
    assert file_values(product.folder / ".env.local") == {"SMTP_PASSWORD": "hunter2 "}
