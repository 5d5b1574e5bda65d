"""`manage.py db backup create`, and what is refused."""

import hashlib
import json
import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from keystone.database.backup import programs
from tests.database.own_database import OwnDatabase, leading_to, lines_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]

StandBefore = Callable[[str, str], None]
SECRET = "only-in-the-environment"


def manifest_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path / "manifest.json").read_text())
    return found


@pytest.mark.parametrize("name", ["", "a/b", "../up", ".hidden", "-x", "x" * 101, "ü"])
def test_create_refuses_names_that_are_none(people: OwnDatabase, folder: Path, name: str) -> None:
    if not name:
        call_command("db", "backup", "create")  # the default name is the database's and the time
        [made] = folder.iterdir()
        assert made.name.startswith(f"{people.name}-20")
        return
    with pytest.raises(CommandError, match="A backup's name may contain only letters, digits and"):
        call_command("db", "backup", "create", f"--name={name}")
    assert not folder.exists()


def test_create_refuses_a_name_that_is_there(people: OwnDatabase, folder: Path) -> None:
    (folder / "one").mkdir(parents=True)
    with pytest.raises(CommandError, match="one already exists"):
        call_command("db", "backup", "create", "--name", "one")
    assert [path.name for path in folder.iterdir()] == ["one"]


def test_create_refuses_an_empty_database(target: OwnDatabase, folder: Path) -> None:
    with pytest.raises(CommandError, match="is empty: no migration has been applied"):
        call_command("db", "backup", "create")
    assert list(folder.iterdir()) == []


def test_create_says_why_a_folder_cannot_be_used(people: OwnDatabase, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="file: File exists"):
        call_command("db", "backup", "create", "--folder", str(tmp_path / "file"))


def test_create_says_that_the_database_is_away(people: OwnDatabase, folder: Path) -> None:
    with (
        leading_to(OwnDatabase("nowhere_at_all", people.arguments)),
        pytest.raises(CommandError, match='database "nowhere_at_all" does not exist'),
    ):
        call_command("db", "backup", "create")


def test_create_refuses_a_pg_dump_older_than_the_server(
    people: OwnDatabase, folder: Path, stand_before: StandBefore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_before("pg_dump", "exit 0")
    program = tmp_path / "programs" / "pg_dump"
    program.write_text('#!/bin/sh\necho "pg_dump (PostgreSQL) 9.6.24"\n')
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    monkeypatch.setattr(programs, "WHEEL", "there_is_no_such_wheel")
    with pytest.raises(
        CommandError, match=r"pg_dump of PostgreSQL 1\d or newer is needed; found: \S+pg_dump \(9.6.24\)"
    ):
        call_command("db", "backup", "create")
    program.unlink()
    with pytest.raises(CommandError, match="is needed; found: none"):
        call_command("db", "backup", "create")
    assert list(folder.iterdir()) == []


def test_create_leaves_nothing_of_a_dump_that_fails(
    people: OwnDatabase, folder: Path, stand_before: StandBefore
) -> None:
    stand_before("pg_dump", '"$REAL" "$@" 2>/dev/null; echo "pg_dump: error: the disk is on fire" >&2; exit 1')
    with pytest.raises(CommandError, match=r"^pg_dump failed \(1\): the disk is on fire$"):
        call_command("db", "backup", "create")
    assert list(folder.iterdir()) == []


def test_a_killed_create_leaves_nothing_that_lists_as_whole(
    people: OwnDatabase, folder: Path, tmp_path: Path, stand_before: StandBefore, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_before("pg_dump", f'"$REAL" "$@"; echo $$ > "{tmp_path}/done"; exec sleep 60')
    process = people.start("db", "backup", "create", "--name", "one", DATA_DIR=str(tmp_path))
    end = time.monotonic() + 60
    while not (tmp_path / "done").exists() or not (tmp_path / "done").read_text():
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    process.kill()
    os.kill(int((tmp_path / "done").read_text()), signal.SIGKILL)
    process.communicate()
    [left] = folder.iterdir()
    assert left.name == f".unfinished-one-{process.pid}"
    [line] = lines_of(capsys, "backup", "list")[1:]
    assert line.split() == [left.name, "unfinished"]
    with pytest.raises(CommandError, match="is not the manifest of a complete backup"):
        call_command("db", "backup", "restore", left.name, "--database", people.name)
    with pytest.raises(CommandError, match="There is no backup one in"):
        call_command("db", "backup", "restore", "one", "--database", people.name)


@pytest.mark.parametrize(
    ("arguments", "formats", "archive"),
    [
        ([], ["pg_dump"], "custom"),
        (["--format", "pg_dump", "--jobs", "2"], ["pg_dump"], "directory"),
        (["--format", "csv"], ["csv"], ""),
        (["--format", "both"], ["pg_dump", "csv"], "custom"),
    ],
)
def test_create_writes_what_its_manifest_says(
    people: OwnDatabase, folder: Path, arguments: list[str], formats: list[str], archive: str
) -> None:
    call_command("db", "backup", "create", "--name", "one", *arguments)
    [path] = folder.iterdir()
    assert path == folder / "one"
    manifest = manifest_of(path)
    assert (manifest["formats"], manifest["archive"], manifest["scope"]) == (formats, archive, "whole")
    assert manifest["database"] == people.name
    assert manifest["server_major"] == int(manifest["server"].split(".")[0])
    assert bool(manifest["pg_dump"]) == ("pg_dump" in formats)
    assert manifest["keystone"] == "0.1.0"
    assert manifest["migrations"]["keystone"] == people.applied("keystone")
    rows = {table["name"]: table["rows"] for table in manifest["tables"]}
    assert set(rows) == people.tables()
    assert [(rows["keystone_user"],)] == people.rows("SELECT count(*) FROM keystone_user")
    places = {table["name"]: number for number, table in enumerate(manifest["tables"])}
    assert places["keystone_user"] < places["keystone_session"]
    assert places["django_content_type"] < places["auth_permission"] < places["auth_group_permissions"]
    files = {file["path"]: file for file in manifest["files"]}
    found = {one.relative_to(path).as_posix(): one for one in path.rglob("*") if one.is_file()}
    assert set(files) == set(found) - {"manifest.json"}
    for name, file in files.items():
        content = found[name].read_bytes()
        assert (file["size"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    for one in [folder, *folder.rglob("*")]:
        assert stat.S_IMODE(one.stat().st_mode) == (0o700 if one.is_dir() else 0o600), one


def test_create_prints_what_it_made(
    people: OwnDatabase, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [line] = lines_of(capsys, "backup", "create", "--name", "one")
    assert line.startswith(f"{folder / 'one'}: ")
    assert f" rows of {len(people.tables())} tables, " in line
    other = tmp_path / "elsewhere"
    told = json.loads("\n".join(lines_of(capsys, "backup", "create", "--folder", str(other), "--json")))
    assert (told["state"], told["scope"], told["path"]) == ("whole", "whole", str(other / told["name"]))
    assert set(told) >= {"rows", "size", "tables", "formats", "server", "pg_dump", "made_at"}


def test_csv_leaves_generated_columns_out(people: OwnDatabase, folder: Path) -> None:
    call_command("db", "backup", "create", "--name", "one", "--format", "csv")
    lines = (folder / "one" / "csv" / "public.keystone_user.csv").read_text().splitlines()
    columns = lines[0].split(",")
    assert "email" in columns
    assert "is_active" not in columns


def test_data_only_has_no_schema(people: OwnDatabase, folder: Path, stand_before: StandBefore, tmp_path: Path) -> None:
    stand_before("pg_dump", f'echo "$@" > "{tmp_path}/arguments"; exec "$REAL" "$@"')
    call_command("db", "backup", "create", "--data-only", "--name", "one")
    assert manifest_of(folder / "one")["scope"] == "data"
    assert "--data-only" in (tmp_path / "arguments").read_text().split()


@pytest.mark.parametrize("form", ["csv", "pg_dump"])
def test_user_only_has_people_and_what_belongs_to_them(people: OwnDatabase, folder: Path, form: str) -> None:
    call_command("db", "backup", "create", "--user-only", "--name", "one", "--format", form)
    manifest = manifest_of(folder / "one")
    assert manifest["scope"] == "people"
    assert {table["name"] for table in manifest["tables"]} == {
        "auth_group",
        "auth_permission",
        "django_admin_log",
        "django_content_type",
        "keystone_authenticator",
        "keystone_decisionundo",
        "keystone_onetimetoken",
        "keystone_preferences",
        "keystone_recoverycode",
        "keystone_session",
        "keystone_user",
        "keystone_user_groups",
        "keystone_user_user_permissions",
        "project_profile",
    }
    assert "auth_group_id_seq" in {sequence["name"] for sequence in manifest["sequences"]}
    assert "keystone_auditevent_id_seq" not in {sequence["name"] for sequence in manifest["sequences"]}


def test_the_password_is_in_the_environment_only(
    people: OwnDatabase, folder: Path, stand_before: StandBefore, tmp_path: Path
) -> None:
    stand_before("pg_dump", f'echo "$@" > "{tmp_path}/arguments"; env > "{tmp_path}/environment"; exec "$REAL" "$@"')
    own = OwnDatabase(people.name, {**people.arguments, "password": SECRET})
    status, said = own.manage("db", "backup", "create", "--name", "one", DATA_DIR=str(tmp_path), PGHOST="elsewhere")
    assert (status, SECRET in said) == (0, False), said
    assert SECRET not in (tmp_path / "arguments").read_text()
    environment = (tmp_path / "environment").read_text().splitlines()
    assert f"PGPASSWORD={SECRET}" in environment
    assert f"PGHOST={people.arguments['host']}" in environment
    assert not any(SECRET.encode() in file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_create_keeps_one_moment_while_others_write(
    people: OwnDatabase, folder: Path, stand_before: StandBefore, tmp_path: Path
) -> None:
    """A row that comes between the counting and the dump is in neither: a restore finds what was counted."""
    stand_before(
        "pg_dump", f'touch "{tmp_path}/begun"; while [ ! -e "{tmp_path}/go" ]; do sleep 0.05; done; exec "$REAL" "$@"'
    )
    process = people.start("db", "backup", "create", "--format", "both", "--name", "one", DATA_DIR=str(tmp_path))
    end = time.monotonic() + 60
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    people.run("INSERT INTO auth_group (name) VALUES ('written meanwhile')")
    (tmp_path / "go").touch()
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 0, said
    assert "written meanwhile" not in (folder / "one" / "csv" / "public.auth_group.csv").read_text()
    call_command("db", "backup", "restore", "one", "--database", people.name)
    assert people.rows("SELECT count(*) FROM auth_group WHERE name = 'written meanwhile'") == [(0,)]
