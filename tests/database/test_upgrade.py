"""`manage.py db upgrade`."""

import json
import threading
import time
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from keystone.database.migrating import upgrade
from keystone.database.running import LockNotGiven, MigrationFailed
from tests.database.own_database import LABEL, OwnDatabase, lines_of, made_by

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")

Trial = Callable[..., None]
Said = pytest.CaptureFixture[str]

THREE = {
    "0001_a": made_by("a"),
    "0002_b": made_by("b", after="0001_a"),
    "0003_c": made_by("c", after="0002_b"),
}
BROKEN = {**THREE, "0002_b": made_by("b", after="0001_a", more="INSERT INTO nowhere VALUES (1)")}
NOT_ATOMIC = {**BROKEN, "0002_b": made_by("b", after="0001_a", more="INSERT INTO nowhere VALUES (1)", atomic=False)}
BUG = "dependencies = []\noperations = [migrations.RunPython(lambda apps, editor: 1 / 0)]"
INDEXED = {
    "0001_a": (
        "operations = [migrations.CreateModel('Thing', [('id', models.AutoField(primary_key=True))]),"
        " migrations.RunSQL('CREATE TABLE other (id int)')]"
    ),
    "0002_index": (
        f"dependencies = [('{LABEL}', '0001_a')]\natomic = False\n"
        "operations = [AddIndexConcurrently('thing', models.Index(fields=['-id'], name='thing_backwards'))]"
    ),
}


def test_upgrade_applies_all_branches_and_what_follows_them(empty: OwnDatabase, capsys: Said) -> None:
    lines = lines_of(capsys, "upgrade")
    assert lines[0].startswith("Applied: contenttypes.0001_initial (0.")
    assert all(line.startswith("Applied: ") for line in lines)
    assert {line.split()[1].partition(".")[0] for line in lines} >= {"keystone", "project", "sessions"}
    assert empty.applied("project") == ["0001_initial"]
    assert empty.rows("SELECT count(*) > 0 FROM auth_permission WHERE codename = 'approve_user'") == [(True,)]
    assert lines_of(capsys, "upgrade") == ["Nothing to do: all migrations are applied."]


def test_upgrade_makes_permissions_that_are_missing_though_nothing_is_pending(migrated: OwnDatabase) -> None:
    migrated.run("DELETE FROM auth_group_permissions")
    migrated.run("DELETE FROM auth_permission WHERE codename = 'approve_user'")
    assert upgrade() == []
    assert migrated.rows("SELECT count(*) FROM auth_permission WHERE codename = 'approve_user'") == [(1,)]


def test_upgrade_goes_as_far_as_it_is_told(empty: OwnDatabase, trial: Trial, capsys: Said) -> None:
    trial(**THREE)
    for arguments, applied in (
        (["--branch", LABEL], ["0001_a", "0002_b", "0003_c"]),
        (["head", "--branch", LABEL], ["0001_a", "0002_b", "0003_c"]),
        (["0002_b"], ["0001_a", "0002_b"]),
        (["0002", "--branch", LABEL], ["0001_a", "0002_b"]),
        ([f"{LABEL}.0002"], ["0001_a", "0002_b"]),
        (["+1", "--branch", LABEL], ["0001_a"]),
        (["+3", "--branch", LABEL], ["0001_a", "0002_b", "0003_c"]),
    ):
        printed = json.loads("\n".join(lines_of(capsys, "upgrade", *arguments, "--json")))
        assert printed == {"applied": [f"{LABEL}.{name}" for name in applied]}
        assert empty.applied(LABEL) == applied
        assert empty.tables() >= {name[-1] for name in applied}
        call_command("db", "downgrade", "base", "--branch", LABEL, "--yes")
        assert empty.applied(LABEL) == []


def test_upgrade_never_goes_back(empty: OwnDatabase, trial: Trial) -> None:
    trial(**THREE)
    upgrade(branch=LABEL)
    assert upgrade("0001_a") == []
    assert empty.applied(LABEL) == ["0001_a", "0002_b", "0003_c"]


def test_upgrade_refuses_in_a_line(empty: OwnDatabase, trial: Trial) -> None:
    trial(**THREE)
    for arguments, said in (
        (["nothing"], "There is no migration nothing."),
        (["0001"], "0001 matches more than one migration: admin.0001_initial, auth.0001_initial, "),
        (["--branch", "nothing"], "There is no branch nothing. Known branches: keystone, project, "),
        (["+1"], "A number of migrations needs --branch."),
        (["+4", "--branch", LABEL], "messages cannot be upgraded by 4. Pending: 3."),
    ):
        with pytest.raises(CommandError) as raised:
            call_command("db", "upgrade", *arguments)
        assert str(raised.value).startswith(said)
        assert empty.tables() == set()


def test_upgrade_refuses_two_ends_of_a_branch(empty: OwnDatabase, trial: Trial) -> None:
    trial(**THREE, **{"0003_d": made_by("d", after="0002_b")})
    with pytest.raises(CommandError) as raised:
        call_command("db", "upgrade")
    assert str(raised.value) == (
        "A branch has more than one latest migration (messages: 0003_c, 0003_d). Merge them first."
    )
    assert empty.tables() == set()


def test_upgrade_refuses_what_depends_on_nothing_that_is_there(empty: OwnDatabase, trial: Trial) -> None:
    trial(**{"0001_a": made_by("a", after="0000_none")})
    with pytest.raises(CommandError, match="0001_a dependencies reference nonexistent parent node"):
        call_command("db", "upgrade")
    assert empty.tables() == set()


def test_upgrade_refuses_a_database_that_contradicts_the_migrations(empty: OwnDatabase, trial: Trial) -> None:
    trial(**THREE)
    upgrade(branch=LABEL)
    empty.run("DELETE FROM django_migrations WHERE name = '0001_a'")
    with pytest.raises(CommandError, match=r"messages\.0002_b is applied before its dependency"):
        call_command("db", "upgrade")


def test_plan_shows_and_touches_nothing(empty: OwnDatabase, trial: Trial, capsys: Said) -> None:
    trial(**NOT_ATOMIC)
    assert lines_of(capsys, "upgrade", "0002_b", "--plan") == [
        "Apply messages.0001_a",
        "    Raw SQL operation",
        "Apply messages.0002_b  (not atomic: if it fails, part of it is kept)",
        "    Raw SQL operation",
        "    Raw SQL operation",
    ]
    printed = json.loads("\n".join(lines_of(capsys, "upgrade", "0001_a", "--plan", "--json")))
    assert printed == {
        "plan": [
            {
                "migration": "messages.0001_a",
                "action": "apply",
                "operations": ["Raw SQL operation"],
                "irreversible": [],
                "atomic": True,
            }
        ]
    }
    assert empty.tables() == set()


def test_plan_says_when_there_is_nothing_to_do(migrated: OwnDatabase, capsys: Said) -> None:
    assert lines_of(capsys, "upgrade", "--plan") == ["Nothing to do."]


def test_sql_is_what_makes_the_same_tables(empty: OwnDatabase, trial: Trial, capsys: Said) -> None:
    trial(**{**THREE, "0003_c": made_by("c", after="0002_b", atomic=False)})
    lines = lines_of(capsys, "upgrade", "--branch", LABEL, "--sql")
    assert empty.tables() == set()
    assert lines.index("-- Apply messages.0001_a") < lines.index("-- Apply messages.0002_b")
    assert (lines.count("BEGIN;"), lines.count("COMMIT;")) == (2, 2)
    assert lines[-1] == "-- Permissions and content types will follow with the next manage.py db upgrade"
    empty.run("\n".join(lines))
    assert empty.tables() == {"a", "b", "c", "django_migrations"}
    assert upgrade(branch=LABEL) == []


def test_sql_is_given_to_machines_by_migration(migrated: OwnDatabase, trial: Trial, capsys: Said) -> None:
    trial(**THREE)
    printed = json.loads("\n".join(lines_of(capsys, "upgrade", "0001_a", "--sql", "--json")))
    [step] = printed["sql"]
    assert step["migration"] == "messages.0001_a"
    assert step["statements"][0] == "BEGIN;"
    assert "CREATE TABLE a (id int);" in step["statements"]
    assert step["statements"][-2:] == [
        "INSERT INTO \"django_migrations\" (app, name, applied) VALUES ('messages', '0001_a', now());",
        "COMMIT;",
    ]


def test_a_migration_that_fails_is_named_with_what_was_done(empty: OwnDatabase, trial: Trial) -> None:
    trial(**BROKEN)
    with pytest.raises(CommandError) as raised:
        call_command("db", "upgrade", "--branch", LABEL)
    said = str(raised.value)
    assert said.startswith('messages.0002_b failed: relation "nowhere" does not exist')
    assert said.endswith(" All of its changes were rolled back. Completed before it: messages.0001_a.")
    assert empty.applied(LABEL) == ["0001_a"]
    assert empty.tables() == {"a", "django_migrations"}


def test_what_a_migration_that_is_not_atomic_leaves_is_said(empty: OwnDatabase, trial: Trial) -> None:
    trial(**NOT_ATOMIC)
    with pytest.raises(MigrationFailed) as raised:
        upgrade(branch=LABEL)
    assert raised.value.detail.endswith(
        " It is not atomic: what it had done so far was not rolled back. Check before you continue."
        " Completed before it: messages.0001_a."
    )
    assert empty.applied(LABEL) == ["0001_a"]
    assert empty.tables() == {"a", "b", "django_migrations"}


def test_a_bug_in_a_migration_is_told_by_its_name(empty: OwnDatabase, trial: Trial) -> None:
    trial(**{"0001_bug": BUG})
    with pytest.raises(MigrationFailed) as raised:
        upgrade(branch=LABEL)
    assert raised.value.detail == (
        "messages.0001_bug failed: ZeroDivisionError: division by zero. All of its changes were rolled back."
        " No migration was completed before it."
    )
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_a_long_transaction_fails_the_migration_instead_of_queueing_the_site(empty: OwnDatabase, trial: Trial) -> None:
    alter = made_by("c", after="0002_b", more="ALTER TABLE a ADD COLUMN new int")
    trial(**{**THREE, "0003_c": alter})
    upgrade("0002_b")
    with empty.connect() as somebody:
        somebody.execute("BEGIN")
        somebody.execute("SELECT * FROM a")  # a report that has begun
        begun = time.monotonic()
        with pytest.raises(CommandError) as raised:
            call_command("db", "upgrade", "--branch", LABEL, "--lock-timeout", "0.5")
        assert 0.5 <= time.monotonic() - begun < 30
        with empty.connect() as site:  # nobody waits for the table any more
            site.execute("SET lock_timeout = '1s'")
            assert site.execute("SELECT count(*) FROM a").fetchone() == (0,)
        pid = somebody.info.backend_pid
    said = str(raised.value)
    assert said.startswith(f"messages.0003_c did not get a lock within 0.5 s; process {pid} (somebody) has been in a")
    assert said.endswith(" All of its changes were rolled back. No migration was completed before it.")
    assert empty.applied(LABEL) == ["0001_a", "0002_b"]
    assert "c" not in empty.tables()
    assert upgrade(branch=LABEL) == ["messages.0003_c"]


@pytest.mark.slow
def test_a_lock_timeout_of_none_waits_as_long_as_it_takes(empty: OwnDatabase, trial: Trial) -> None:
    trial(**{"0001_a": made_by("a"), "0002_b": made_by("b", after="0001_a", more="ALTER TABLE a ADD COLUMN new int")})
    upgrade("0001_a")
    with empty.connect() as somebody:
        somebody.execute("BEGIN")
        somebody.execute("SELECT * FROM a")
        end = threading.Timer(1.5, somebody.execute, ["COMMIT"])
        end.start()
        assert upgrade(branch=LABEL, lock_timeout=0) == ["messages.0002_b"]
        end.join()


@pytest.mark.slow
def test_an_index_that_is_made_concurrently_may_wait(empty: OwnDatabase, trial: Trial) -> None:
    """It makes nobody wait, and giving it up would leave it invalid."""
    trial(**INDEXED)
    upgrade("0001_a", branch=LABEL)
    with empty.connect() as somebody:
        somebody.execute("BEGIN")
        somebody.execute("INSERT INTO messages_thing VALUES (1)")
        end = threading.Timer(1.5, somebody.execute, ["COMMIT"])
        end.start()
        assert upgrade(branch=LABEL, lock_timeout=0.2) == ["messages.0002_index"]
        end.join()
    assert empty.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'thing_backwards'::regclass") == [(True,)]


def test_the_connection_keeps_its_own_lock_timeout_afterwards(empty: OwnDatabase, trial: Trial) -> None:
    trial(**BROKEN)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '7s'")
    for _attempt in range(2):
        with pytest.raises(MigrationFailed):
            upgrade(branch=LABEL)
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("7s",)


def test_a_lock_that_is_not_given_is_a_refusal_of_its_own(empty: OwnDatabase, trial: Trial) -> None:
    trial(**{"0001_a": made_by("a", more="SET LOCAL lock_timeout = 1; LOCK TABLE held")})
    empty.run("CREATE TABLE held (id int)")
    with empty.connect() as somebody:
        somebody.execute("BEGIN")
        somebody.execute("LOCK TABLE held")
        with pytest.raises(LockNotGiven):
            upgrade(branch=LABEL)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("db upgrade --branch proj", "project"),
        ("db downgrade --branch proj", "project"),
        ("db upgrade 0002_trig", "0002_triggers"),
        ("db downgrade --branch project 00", "0001_initial"),
    ],
)
def test_a_shell_completes_branches_and_migrations(capsys: Said, typed: str, offered: str) -> None:
    call_command("shellcompletion", "--shell", "bash", "complete", typed)
    assert [line.partition(",")[2] for line in capsys.readouterr().out.split()] == [offered]
