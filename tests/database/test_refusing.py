"""Where the database says no: one line, whatever the command."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.database.own_database import OwnDatabase

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")


@pytest.fixture
def powerless(migrated: OwnDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A role that may connect, and nothing more; Django works as it."""
    name = f"powerless_{uuid.uuid4().hex[:8]}"
    migrated.run(f"CREATE ROLE {name}")
    settings: dict[str, Any] = connection.settings_dict
    monkeypatch.setitem(settings, "OPTIONS", {**settings["OPTIONS"], "options": f"-c role={name}"})
    connection.close()
    yield name
    connection.close()
    migrated.run(f"DROP ROLE {name}")


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["current"],
        ["show", "keystone"],
        ["upgrade"],
        ["upgrade", "--plan"],
        ["downgrade", "--yes"],
        ["reset", "--force"],
        ["backup", "create"],
    ],
)
def test_a_role_without_rights_is_told_so(powerless: str, command: list[str]) -> None:
    with pytest.raises(CommandError) as raised:
        call_command("db", *command)
    assert str(raised.value).endswith(" error: permission denied for table django_migrations")


def test_a_role_without_rights_cannot_mark(powerless: str) -> None:
    with pytest.raises(CommandError, match=r"^Database error: must be owner of table django_migrations$"):
        call_command("db", "mark", "--set")


def test_a_read_only_database_is_not_marked(migrated: OwnDatabase) -> None:
    connection.close()
    migrated.run(f'ALTER DATABASE "{migrated.name}" SET default_transaction_read_only = on')
    with pytest.raises(CommandError, match=r"^Database error: cannot execute COMMENT in a read-only"):
        call_command("db", "mark", "--set")


@pytest.mark.parametrize(
    "command",
    [
        ["db", "upgrade"],
        ["db", "downgrade", "keystone.0001_initial", "--yes"],
        ["db", "backup", "create"],
        ["data", "seeder", "run", "groups"],
    ],
)
def test_what_needs_a_session_is_refused_behind_a_pooler_that_hands_connections_on(
    migrated: OwnDatabase, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    with pytest.raises(CommandError, match=r"^This needs a PostgreSQL session, and DATABASE_POOLER says"):
        call_command(*command)


@pytest.mark.parametrize("seconds", ["nan", "inf", "3000000"])
@pytest.mark.parametrize("command", [["upgrade"], ["downgrade", "--yes"], ["reset", "--force"]])
def test_a_lock_timeout_that_nobody_can_wait_for_is_refused(
    migrated: OwnDatabase, command: list[str], seconds: str
) -> None:
    with pytest.raises(CommandError, match="Give a number of seconds up to 1000000"):
        call_command("db", *command, "--lock-timeout", seconds)


@pytest.mark.slow
def test_a_wrong_usage_is_one_line(migrated: OwnDatabase) -> None:
    status, said = migrated.manage("db", "upgrade", "-1", "--branch", "keystone")
    assert (status, len(said.splitlines())) == (1, 1)
    assert said.startswith("CommandError: No such option: -1. ")
