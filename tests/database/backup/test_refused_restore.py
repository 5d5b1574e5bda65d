"""What `manage.py db backup restore` refuses, and what it does when it fails: the database in service is as it was."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from psycopg import sql

from tests.database.backup.compared import contents, family
from tests.database.own_database import OwnDatabase

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]

Change = Callable[[Path], None]


def edited(**changes: Any) -> Change:
    def change(path: Path) -> None:
        file = path / "manifest.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return change


def one_byte(path: Path) -> None:
    file = path / "database.dump"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def fewer_rows(path: Path) -> None:
    file = path / "manifest.json"
    manifest = json.loads(file.read_text())
    for table in manifest["tables"]:
        table["rows"] += table["name"] == "keystone_user"
    file.write_text(json.dumps(manifest))


def newer(path: Path) -> None:
    file = path / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["migrations"]["keystone"].append("9999_tomorrow")
    file.write_text(json.dumps(manifest))


def linked(path: Path) -> None:
    shutil.move(path / "database.dump", path.parent / "elsewhere.dump")
    (path / "database.dump").symlink_to(path.parent / "elsewhere.dump")


def upwards(path: Path) -> None:
    edited(files=[{"path": "../two", "size": 1, "sha256": ""}])(path)


def many(path: Path) -> None:
    for number in range(7):
        (path / f"more{number}").touch()


@pytest.fixture
def backed_up(people: OwnDatabase, folder: Path, sample_backup: Path) -> Iterator[Path]:
    """A backup of the people, and the certainty that nothing has changed in their database."""
    shutil.copytree(sample_backup, folder / "one")
    before = contents(people)
    yield folder / "one"
    assert contents(people) == before
    assert family(people) == [""]


def restore(own: OwnDatabase, *arguments: str, which: str = "one") -> None:
    call_command("db", "backup", "restore", which, "--database", own.name, *arguments)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (one_byte, "The backup is damaged. These files are missing, changed or not part of it: database.dump."),
        (lambda path: (path / "database.dump").unlink(), "not part of it: database.dump."),
        (lambda path: (path / "more").touch(), "not part of it: more."),
        (linked, "not part of it: database.dump."),
        (upwards, "is not the manifest of a complete backup."),
        (edited(layout=2), "is not the manifest of a complete backup."),
        (edited(scope="some"), "is not the manifest of a complete backup."),
        (edited(made_at=5), "is not the manifest of a complete backup."),
        (edited(server_major="15"), "is not the manifest of a complete backup."),
        (edited(formats=[]), "is not the manifest of a complete backup."),
        (edited(tables=[{"schema": "public", "name": "a", "columns": [1], "rows": 0}]), "is not the manifest of a"),
        (many, "not part of it: more0, more1, more2, more3, more4 and 2 more."),
        (edited(more=1), "is not the manifest of a complete backup."),
        (lambda path: (path / "manifest.json").write_text("{"), "is not the manifest of a complete backup."),
        (lambda path: (path / "manifest.json").unlink(), "There is no backup one in"),
        (newer, "The backup has migrations that this code does not have: keystone.9999_tomorrow."),
        (edited(server_major=99), "The backup is from PostgreSQL 99, and this server is PostgreSQL 1"),
        (edited(pg_dump_major=99), "pg_restore of PostgreSQL 99 or newer is needed; found: "),
        (edited(scope="people"), "The backup contains people only, and the database "),
        (fewer_rows, "The restored table keystone_user has "),
    ],
)
def test_restore_refuses_what_is_not_whole_or_does_not_fit(
    people: OwnDatabase, backed_up: Path, change: Change, error: str
) -> None:
    change(backed_up)
    with pytest.raises(CommandError) as raised:
        restore(people)
    assert error in str(raised.value)
    assert "\n" not in str(raised.value)


def test_restore_refuses_what_is_not_there(people: OwnDatabase, backed_up: Path) -> None:
    with pytest.raises(CommandError, match=r"There is no backup two in .*`db backup list` lists the existing ones\."):
        restore(people, which="two")
    with pytest.raises(CommandError, match=r"There is no backup a{300} in .*"):
        restore(people, which="a" * 300)
    with pytest.raises(CommandError, match=r"^The backup has no csv; it has pg_dump\.$"):
        restore(people, "--format", "csv")


def test_restore_wants_the_name_of_the_database(people: OwnDatabase, backed_up: Path) -> None:
    with pytest.raises(CommandError, match=rf"^That is not {people.name}\. Nothing was changed\.$"):
        call_command("db", "backup", "restore", "one", "--database", "postgres")
    status, said = people.manage("db", "backup", "restore", "one", DATA_DIR=str(backed_up.parent.parent))
    assert status == 1
    assert f"This command asks a question, and there is no terminal to answer on. Use --database {people.name}." in said


def test_unknown_migrations_are_accepted_when_that_is_said(people: OwnDatabase, folder: Path) -> None:
    people.run("INSERT INTO django_migrations (app, name, applied) VALUES ('gone', '0001_initial', now())")
    call_command("db", "backup", "create", "--name", "one", "--format", "both")
    before = contents(people)
    with pytest.raises(CommandError, match=r"does not have: gone.0001_initial\."):
        restore(people)
    restore(people, "--accept-unknown-migrations", "--drop-old")
    assert contents(people) == before
    restore(people, "--accept-unknown-migrations", "--format", "csv")
    assert contents(people) == before


@pytest.mark.parametrize("grant", ["CREATEDB", "ownership"])
def test_restore_refuses_a_role_that_may_not(people: OwnDatabase, backed_up: Path, grant: str) -> None:
    role = f"{people.name}_role"
    with people.server() as server:
        option = "CREATEDB" if grant == "ownership" else ""
        server.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x' {option}")
        try:
            if grant == "CREATEDB":
                server.execute(f"ALTER DATABASE {people.name} OWNER TO {role}")
            own = OwnDatabase(people.name, {**people.arguments, "user": role, "password": "x"})
            data = str(backed_up.parent.parent)
            status, said = own.manage("db", "backup", "restore", "one", "--database", own.name, DATA_DIR=data)
        finally:
            server.execute(f"ALTER DATABASE {people.name} OWNER TO CURRENT_USER")
            server.execute(f"DROP ROLE {role}")
    assert status == 1
    refused = "to do. As an administrator of the server" if grant == "CREATEDB" else "to rename it."
    assert f"{role} is not allowed {refused}" in said


def test_restore_refuses_a_disk_that_is_too_full(people: OwnDatabase, backed_up: Path) -> None:
    if not str(people.arguments["host"]).startswith("/"):
        pytest.skip("only of a server on this machine the disk is known")
    edited(database_size=1 << 60)(backed_up)
    with pytest.raises(CommandError, match=r"^The server's disk has \d+ MB free, and about \d+ MB are needed\.$"):
        restore(people)


def test_restore_refuses_to_be_the_second(people: OwnDatabase, backed_up: Path) -> None:
    with people.server() as server:
        server.execute("SELECT pg_advisory_lock(hashtext('keystone restore'), hashtext(%s))", [people.name])
        with pytest.raises(CommandError, match=r"^Another restore of this database is running\.$"):
            restore(people)


def test_a_failing_pg_restore_leaves_the_old_database_alone(
    people: OwnDatabase, backed_up: Path, stand_before: Callable[[str, str], None]
) -> None:
    stand_before("pg_restore", '"$REAL" "$@" 2>/dev/null; echo "pg_restore: error: the disk is on fire" >&2; exit 1')
    with pytest.raises(CommandError, match=r"^pg_restore failed \(1\): the disk is on fire$"):
        restore(people)


def test_a_csv_row_that_postgresql_refuses_leaves_the_old_database_alone(people: OwnDatabase, folder: Path) -> None:
    """The files are those that the manifest names, and yet a row refers to nobody: the foreign keys are checked."""
    call_command("db", "backup", "create", "--name", "one", "--format", "csv")
    before = contents(people)
    file, manifest = folder / "one" / "csv" / "public.auth_permission.csv", folder / "one" / "manifest.json"
    lines = file.read_text().splitlines(keepends=True)
    place = lines[0].strip().split(",").index("content_type_id")
    cells = lines[1].split(",")
    cells[place] = "99999" + ("\n" if place == len(cells) - 1 else "")
    file.write_text("".join([lines[0], ",".join(cells), *lines[2:]]))
    described = json.loads(manifest.read_text())
    for one in described["files"]:
        if one["path"] == "csv/public.auth_permission.csv":
            one |= {"size": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    manifest.write_text(json.dumps(described))
    with pytest.raises(CommandError, match="violates foreign key constraint"):
        restore(people)
    assert contents(people) == before
    assert family(people) == [""]


def test_a_lock_that_does_not_end_leaves_the_old_database_in_service(people: OwnDatabase, backed_up: Path) -> None:
    """Somebody holds a lock on the database itself, from elsewhere; nobody can send them away."""
    with people.server() as server:
        server.autocommit = False
        server.execute(sql.SQL("COMMENT ON DATABASE {} IS 'held'").format(sql.Identifier(people.name)))
        with pytest.raises(CommandError, match="is in use by a connection that could not be ended"):
            restore(people)
        server.rollback()


def test_restore_says_that_the_server_is_away(people: OwnDatabase, backed_up: Path) -> None:
    away = OwnDatabase(people.name, {**people.arguments, "host": "/nowhere"})
    status, said = away.manage(
        "db", "backup", "restore", "one", "--database", away.name, DATA_DIR=str(backed_up.parent.parent)
    )
    assert status == 1
    assert "PostgreSQL error: connection is bad: " in said
    assert "Traceback" not in said
