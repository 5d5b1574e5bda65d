"""`manage.py db backup list`, and what the shell offers."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from keystone.database.backup.completing import complete_backup
from tests.database.backup.compared import contents
from tests.database.own_database import OwnDatabase, lines_of

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")


@pytest.mark.slow
def test_list_says_that_there_is_none(people: OwnDatabase, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_of(capsys, "backup", "list") == [f"There is no backup in {folder}."]
    assert json.loads("\n".join(lines_of(capsys, "backup", "list", "--json"))) == {"backups": [], "databases": []}


@pytest.mark.slow
def test_list_names_backups_and_what_restores_left(
    people: OwnDatabase, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, arguments in {"b": [], "a": ["--user-only"], "c": ["--data-only", "--format", "both"]}.items():
        call_command("db", "backup", "create", "--name", name, *arguments)
    rows = sum(rows for rows, _digest in contents(people).values())
    call_command("db", "backup", "restore", "b", "--database", people.name)
    (folder / "b" / "database.dump").write_bytes(b"")
    (folder / "no_backup").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "manifest.json").write_text("[]")
    lines = lines_of(capsys, "backup", "list")
    assert lines[0].split("  ")[0] == "Name"
    cells = {line.split()[0]: line.split() for line in lines[1:6]}
    assert cells["broken"] == ["broken", "damaged"]
    assert cells["a"][1] == "whole"
    assert cells["a"][4:7] == [people.name, "people", "pg_dump"]
    assert cells["b"][1] == "damaged"
    assert cells["b"][4:8] == [people.name, "whole", "pg_dump", str(rows)]
    assert cells["c"][4:9] == [people.name, "data", "pg_dump,", "csv", str(rows)]
    [aside] = lines[5:]
    assert aside.startswith(f"{people.name}_before_20")
    assert aside.endswith(f'was replaced by a restore. To remove it: DROP DATABASE "{aside.split()[0]}";')

    told = json.loads("\n".join(lines_of(capsys, "backup", "list", "--json")))
    assert {one["name"]: one["state"] for one in told["backups"]} == {
        "broken": "damaged",
        "a": "whole",
        "b": "damaged",
        "c": "whole",
    }
    [database] = told["databases"]
    assert (database["name"], database["kind"]) == (aside.split()[0], "before")
    assert database["size"] > 1_000_000


@pytest.mark.slow
def test_a_backup_that_somebody_else_alone_may_read_is_listed(
    people: OwnDatabase, folder: Path, sample_backup: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the rights of nobody in particular: root may read everything."""
    with tempfile.TemporaryDirectory() as place, _as_nobody():
        shared = Path(place)
        names = ("file", "folder", "whole")
        with _as_ourselves():
            for name in names:
                shutil.copytree(sample_backup, shared / name)
                _open_to_all(shared / name)
            (shared / "file" / "manifest.json").chmod(0)
            (shared / "folder").chmod(0)
            shared.chmod(0o755)
        lines = lines_of(capsys, "backup", "list", "--folder", place)
        assert [line.split()[:2] for line in lines[1:]] == [
            ["file", "unreadable"],
            ["folder", "unreadable"],
            ["whole", "whole"],
        ]
        for name in names[:2]:
            with pytest.raises(CommandError, match=f"^{shared / name / 'manifest.json'}: Permission denied$"):
                call_command("db", "backup", "restore", name, "--folder", place, "--database", people.name)
        with _as_ourselves():
            (shared / "folder").chmod(0o700)


def _open_to_all(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o644)


@contextmanager
def _as_nobody() -> Iterator[None]:
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@contextmanager
def _as_ourselves() -> Iterator[None]:
    """In the block of `_as_nobody`."""
    now = os.geteuid()
    os.seteuid(os.getuid())
    try:
        yield
    finally:
        os.seteuid(now)


@pytest.mark.slow
def test_list_says_what_is_wrong_with_the_folder(people: OwnDatabase, folder: Path) -> None:
    with pytest.raises(CommandError, match=r"^a{300}: File name too long$"):
        call_command("db", "backup", "list", "--folder", "a" * 300)


@pytest.mark.slow
def test_list_needs_no_server(people: OwnDatabase, folder: Path, sample_backup: Path) -> None:
    away = OwnDatabase(people.name, {**people.arguments, "host": "/nowhere"})
    status, said = away.manage("db", "backup", "list", "--folder", str(sample_backup.parent))
    assert status == 0, said
    assert "PostgreSQL error: connection is bad: " in said
    assert "one   whole  20" in said


@pytest.mark.slow
def test_the_shell_offers_the_backups_of_the_folder(folder: Path, sample_backup: Path) -> None:
    def offered(beginning: str, **options: object) -> list[tuple[str, str]]:
        context: Any = SimpleNamespace(params=options)  # all of click's that it looks at
        return [(one.value, one.type) for one in complete_backup(context, context, beginning)]

    assert offered("") == [("", "dir")]
    assert offered("", folder=sample_backup.parent) == [("one", "plain"), ("", "dir")]
    assert offered("o", folder=sample_backup.parent) == [("one", "plain"), ("o", "dir")]
    assert offered("x", folder=sample_backup.parent) == [("x", "dir")]
    assert offered("x", folder=sample_backup / "manifest.json") == [("x", "dir")]
