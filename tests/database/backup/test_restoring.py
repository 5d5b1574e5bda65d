"""`manage.py db backup restore`: what comes back, and what becomes of the database that was in service."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from pytest_django import Settings

from keystone.database.branches import branches
from tests.database.backup.compared import contents, drop_family, family, one_more, shape
from tests.database.own_database import OwnDatabase, leading_to, lines_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]

KINDS: list[tuple[list[str], list[str]]] = [
    ([], []),
    ([], ["--jobs", "2"]),
    (["--jobs", "2"], ["--jobs", "2"]),
    (["--format", "both"], ["--format", "csv"]),
    (["--format", "both"], ["--format", "pg_dump"]),
    (["--data-only"], []),
    (["--data-only", "--jobs", "2"], ["--jobs", "2"]),
    (["--data-only", "--format", "csv"], []),
]


def make_backup(own: OwnDatabase, *arguments: str) -> None:
    with leading_to(own):
        call_command("db", "backup", "create", "--name", "one", *arguments)


@pytest.mark.parametrize(("made", "restored"), KINDS)
def test_a_backup_restores_into_an_empty_database_and_compares_equal(
    sample: OwnDatabase, target: OwnDatabase, folder: Path, made: list[str], restored: list[str]
) -> None:
    make_backup(sample, *made)
    call_command("db", "backup", "restore", "one", "--database", target.name, *restored)
    assert contents(target) == contents(sample)
    assert shape(target) == shape(sample)
    assert contents(target)["keystone_user"][0] > 20


@pytest.mark.parametrize("made", [[], ["--format", "csv"]])
def test_a_backup_restores_where_there_is_no_database(
    sample: OwnDatabase, target: OwnDatabase, folder: Path, made: list[str]
) -> None:
    make_backup(sample, *made)
    target.drop()
    status, said = target.manage(
        "db", "backup", "restore", "one", "--database", target.name, DATA_DIR=str(folder.parent)
    )
    assert status == 0, said
    assert contents(target) == contents(sample)
    assert shape(target) == shape(sample)
    assert family(target) == [""]
    assert target.rows(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    ) == [(None,)]


def test_the_old_database_is_kept_and_its_changes_are_gone_from_service(
    people: OwnDatabase, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_backup(people)
    before = contents(people)
    people.run("INSERT INTO auth_group (name) VALUES ('later')")
    changed = contents(people)
    told = json.loads("\n".join(lines_of(capsys, "backup", "restore", "one", "--database", people.name, "--json")))
    assert told["database"] == people.name
    assert (told["rows"], told["pending"], told["removed"]) == (sum(rows for rows, _ in before.values()), 0, [])
    assert contents(people) == before
    [_, aside] = family(people)
    assert told["aside"] == people.name + aside
    assert contents(one_more(people, aside)) == changed


def test_the_old_database_can_be_dropped(people: OwnDatabase, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_backup(people)
    lines = lines_of(capsys, "backup", "restore", "one", "--database", people.name, "--drop-old")
    assert lines[-1].startswith(f"{people.name} has been restored: ")
    assert "current database  dropped" in lines
    assert family(people) == [""]


def test_a_path_names_a_backup_too(sample: OwnDatabase, target: OwnDatabase, folder: Path, tmp_path: Path) -> None:
    make_backup(sample, "--folder", str(tmp_path / "elsewhere"))
    call_command("db", "backup", "restore", str(tmp_path / "elsewhere" / "one"), "--database", target.name)
    assert contents(target) == contents(sample)
    other = str(tmp_path / "elsewhere")
    call_command("db", "backup", "restore", "one", "--folder", other, "--database", target.name, "--drop-old")
    assert contents(target) == contents(sample)


def test_a_database_keeps_what_it_has_beside_its_contents(
    sample: OwnDatabase, target: OwnDatabase, folder: Path
) -> None:
    make_backup(sample)
    role = f"{target.name}_reader"
    with target.server() as server:
        for statement in (
            f"CREATE ROLE {role}",
            f"ALTER DATABASE {target.name} SET search_path = public, pg_catalog",
            f"ALTER DATABASE {target.name} SET work_mem = '7MB'",
            f"ALTER ROLE {role} IN DATABASE {target.name} SET statement_timeout = '1234ms'",
            f"ALTER DATABASE {target.name} CONNECTION LIMIT 77",
            f"COMMENT ON DATABASE {target.name} IS 'it''s ours'",
            f"REVOKE CONNECT ON DATABASE {target.name} FROM PUBLIC",
            f"GRANT CONNECT ON DATABASE {target.name} TO {role}",
        ):
            server.execute(statement)
        try:
            before = beside(target)
            call_command("db", "backup", "restore", "one", "--database", target.name, "--drop-old")
            assert beside(target) == before
        finally:
            drop_family(target)
            server.execute(f"DROP ROLE {role}")
    assert len(before) == 1
    assert {"search_path=public, pg_catalog", "work_mem=7MB", "statement_timeout=1234ms"} == set(before[0][-1])


@pytest.mark.parametrize("made", [[], ["--format", "csv"]])
def test_a_restore_needs_no_superuser(sample: OwnDatabase, target: OwnDatabase, folder: Path, made: list[str]) -> None:
    make_backup(sample, *made)
    role = f"{target.name}_plain"
    with target.server() as server:
        server.execute(f"CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'x'")
        server.execute(f"ALTER DATABASE {target.name} OWNER TO {role}")
        try:
            own = OwnDatabase(target.name, {**target.arguments, "user": role, "password": "x"})
            arguments = ("db", "backup", "restore", "one", "--database", own.name)
            status, said = own.manage(*arguments, DATA_DIR=str(folder.parent))
            assert status == 0, said
            assert contents(target) == contents(sample)
            assert shape(target) == shape(sample)
            assert target.rows("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'") == [(role,)]
        finally:
            drop_family(target)
            server.execute(f"DROP ROLE {role}")


def beside(own: OwnDatabase) -> list[tuple[Any, ...]]:
    with own.server() as server:
        return server.execute(
            "SELECT datdba, encoding, datcollate, datctype, datlocprovider, datconnlimit,"
            " (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) AS a),"
            " shobj_description(d.oid, 'pg_database'),"
            " (SELECT array_agg(one) FROM pg_db_role_setting, unnest(setconfig) AS one WHERE setdatabase = d.oid)"
            " FROM pg_database d WHERE datname = %s",
            [own.name],
        ).fetchall()


@pytest.mark.parametrize("made", [[], ["--data-only"]])
@pytest.mark.parametrize("marked", ["sample", "target"])
def test_a_mark_against_resets_outlives_a_restore(
    people: OwnDatabase, folder: Path, marked: str, made: list[str]
) -> None:
    marking = "COMMENT ON TABLE django_migrations IS 'keystone: production since yesterday'"
    if marked == "sample":
        people.run(marking)
    make_backup(people, *made)
    people.run(marking if marked == "target" else "COMMENT ON TABLE django_migrations IS NULL")
    call_command("db", "backup", "restore", "one", "--database", people.name)
    found = people.rows("SELECT obj_description('django_migrations'::regclass, 'pg_class')")
    assert found == [("keystone: production since yesterday",)]


def test_what_is_restored_on_a_server_is_marked(
    target: OwnDatabase, folder: Path, sample_backup: Path, settings: Settings
) -> None:
    settings.ENVIRONMENT = "staging"
    call_command("db", "backup", "restore", str(sample_backup), "--database", target.name)
    [(found,)] = target.rows("SELECT obj_description('django_migrations'::regclass, 'pg_class')")
    assert found.startswith("keystone: staging since 20")


@pytest.mark.parametrize("form", ["csv", "pg_dump"])
def test_people_alone_restore_into_an_empty_database(
    sample: OwnDatabase, target: OwnDatabase, folder: Path, form: str
) -> None:
    make_backup(sample, "--user-only", "--format", form)
    call_command("db", "backup", "restore", "one", "--database", target.name)
    expected, found = contents(sample), contents(target)
    theirs = {name for name in expected if name.startswith(("keystone_user", "auth_permission", "keystone_session"))}
    assert {name: found[name] for name in theirs} == {name: expected[name] for name in theirs}
    assert (found["keystone_auditevent"][0], found["keystone_outgoingmail"][0]) == (0, 0)
    assert found["django_migrations"][0] == expected["django_migrations"][0]
    definitions = [line for line in shape(sample) if line[0] != "sequence"]
    assert [line for line in shape(target) if line[0] != "sequence"] == definitions
    # A new person and a new group get numbers that nobody has.
    target.run("INSERT INTO auth_group (name) VALUES ('new')")


def test_triggers_guard_the_restored_rows(sample: OwnDatabase, target: OwnDatabase, folder: Path) -> None:
    make_backup(sample, "--format", "csv")
    call_command("db", "backup", "restore", "one", "--database", target.name)
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"):
        target.run("DELETE FROM keystone_auditevent")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        target.run("INSERT INTO auth_group_permissions (group_id, permission_id) VALUES (99999, 1)")


def test_whoever_is_connected_is_sent_away_and_comes_back_to_the_restored_one(
    people: OwnDatabase, folder: Path
) -> None:
    make_backup(people)
    people.run("INSERT INTO auth_group (name) VALUES ('later')")
    with people.connect() as somebody:
        somebody.execute("BEGIN")
        somebody.execute("SELECT count(*) FROM auth_group")
        call_command("db", "backup", "restore", "one", "--database", people.name)
        with pytest.raises(psycopg.OperationalError):
            somebody.execute("SELECT 1")
    assert people.rows("SELECT count(*) FROM auth_group WHERE name = 'later'") == [(0,)]


def test_a_site_that_keeps_reconnecting_does_not_hinder_a_restore(people: OwnDatabase, folder: Path) -> None:
    """Ten clients that come back at once, all the time: they find one database or the other, and never wait long."""
    make_backup(people)
    is_over = threading.Event()
    waits: list[float] = []

    def come_back() -> None:
        while not is_over.is_set():
            begun = time.monotonic()
            try:
                with people.connect() as somebody:
                    while not is_over.is_set():
                        somebody.execute("SELECT count(*) FROM keystone_user")
                        waits.append(time.monotonic() - begun)
                        begun = time.monotonic()
            except psycopg.OperationalError:
                continue

    clients = [threading.Thread(target=come_back) for _ in range(10)]
    for client in clients:
        client.start()
    try:
        call_command("db", "backup", "restore", "one", "--database", people.name)
    finally:
        is_over.set()
        for client in clients:
            client.join()
    assert max(waits) < 5
    assert len(family(people)) == 2


def test_an_older_state_is_restored_and_the_upgrade_told_of(
    people: OwnDatabase, target: OwnDatabase, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with leading_to(people):
        call_command("migrate", "keystone", "0005", verbosity=0)
        pending = sum(len(branch.pending) for branch in branches())
    assert pending > 0
    make_backup(people, "--format", "both")
    for form in ("pg_dump", "csv"):
        lines = lines_of(capsys, "backup", "restore", "one", "--database", target.name, "--drop-old", "--format", form)
        assert lines[-1].startswith(f"{pending} migration")
        assert lines[-1].endswith(" newer than the backup: run `manage.py db upgrade`.")
        assert target.applied("keystone") == people.applied("keystone")
        assert contents(target) == contents(people)
        assert shape(target) == shape(people)


def test_the_name_is_typed_on_a_terminal(people: OwnDatabase, folder: Path) -> None:
    make_backup(people)
    arguments = ("db", "backup", "restore", "one")
    status, said = people.type("something_else", *arguments, DATA_DIR=str(folder.parent))
    assert status == 1
    assert f"That is not {people.name}. Nothing was changed." in said
    assert family(people) == [""]
    status, said = people.type(people.name, *arguments, DATA_DIR=str(folder.parent))
    assert status == 0, said
    assert "Comparing" in said  # the progress
    assert len(family(people)) == 2
