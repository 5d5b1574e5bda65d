"""`manage.py db downgrade`: what it refuses first."""

import json
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from keystone.database import planning
from keystone.database.branches import in_order
from keystone.database.migrating import MovedMeanwhile, downgrade, plan_downgrade, upgrade
from keystone.database.running import MigrationFailed
from tests.database.own_database import LABEL, OwnDatabase, lines_of, made_by
from tests.database.test_upgrade import THREE

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")

Trial = Callable[..., None]
Said = pytest.CaptureFixture[str]

FOUR = {
    **THREE,
    "0004_d": (
        f"dependencies = [('{LABEL}', '0003_c')]\noperations = [migrations.SeparateDatabaseAndState("
        "database_operations=[migrations.RunSQL('CREATE TABLE d (id int)')]),"
        " migrations.RunPython(lambda apps, editor: None)]"
    ),
    "0005_e": made_by("e", after="0004_d"),
}


def test_a_step_that_cannot_be_undone_is_named_before_anything_is_touched(
    empty: OwnDatabase, trial: Trial, capsys: Said
) -> None:
    trial(**FOUR)
    upgrade(branch=LABEL)
    for arguments in (["base", "--yes"], ["0002_b", "--yes"], ["-2", "--yes"], ["base", "--sql"]):
        with pytest.raises(CommandError) as raised:
            call_command("db", "downgrade", *arguments, "--branch", LABEL)
        assert str(raised.value) == (
            "Nothing was changed: messages.0004_d (Raw SQL operation, Raw Python operation) cannot be undone."
        )
    assert empty.applied(LABEL) == list(FOUR)
    assert empty.tables() == {"a", "b", "c", "d", "e", "django_migrations"}
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_many_steps_that_cannot_be_undone_are_not_all_named(migrated: OwnDatabase) -> None:
    with pytest.raises(CommandError) as raised:
        call_command("db", "downgrade", "base", "--branch", "procrastinate", "--yes")
    said = str(raised.value)
    assert said.startswith("Nothing was changed: procrastinate.00")
    assert said.endswith(" more cannot be undone.")
    assert said.count("procrastinate.") == 8


def test_downgrade_asks_and_does_nothing_where_nobody_can_answer(migrated: OwnDatabase, capsys: Said) -> None:
    before = migrated.applied("keystone")
    with pytest.raises(CommandError) as raised:
        call_command("db", "downgrade")
    assert str(raised.value) == "This command asks a question, and there is no terminal to answer on. Use --yes."
    assert capsys.readouterr().out.startswith(f"Undo keystone.{before[-1]}\n")
    assert migrated.applied("keystone") == before


@pytest.mark.slow
def test_downgrade_does_what_is_answered_on_a_terminal(migrated: OwnDatabase) -> None:
    before = migrated.applied("keystone")
    status, said = migrated.type("n", "db", "downgrade", "-2", "--branch", "keystone")
    assert status == 1
    assert "Undo these 2 migrations, and lose the data in what they created? [y/N]:" in said
    assert "Nothing was changed." in said
    assert migrated.applied("keystone") == before
    status, said = migrated.type("y", "db", "downgrade", "-2", "--branch", "keystone")
    assert (status, f"Undone: keystone.{before[-2]} (" in said) == (0, True)
    assert migrated.applied("keystone") == before[:-2]


def test_downgrade_refuses_in_a_line(migrated: OwnDatabase, trial: Trial) -> None:
    trial(**THREE)
    before = migrated.rows("SELECT count(*) FROM django_migrations")
    for arguments, said in (
        (["+1"], "+1 is not applied yet. Use upgrade."),
        (["-99"], "keystone cannot be downgraded by 99. Applied: "),
        (["0001", "--branch", LABEL], "messages.0001_a is not applied, so the database cannot be downgraded to it."),
        (["-1", "--branch", LABEL], "messages cannot be downgraded by 1. Applied: 0."),
        (["--branch", "nothing"], "There is no branch nothing. Known branches: keystone, project, "),
        (["--plna"], "There is no option --plna."),
    ):
        with pytest.raises(CommandError) as raised:
            call_command("db", "downgrade", *arguments, "--yes")
        assert str(raised.value).startswith(said)
        assert migrated.rows("SELECT count(*) FROM django_migrations") == before


def test_downgrade_goes_as_far_as_it_is_told(empty: OwnDatabase, trial: Trial, capsys: Said) -> None:
    trial(**THREE)
    for arguments, left in (
        ([], ["0001_a", "0002_b"]),
        (["-1"], ["0001_a", "0002_b"]),
        (["-2"], ["0001_a"]),
        (["-3"], []),
        (["0001"], ["0001_a"]),
        (["0003_c"], ["0001_a", "0002_b", "0003_c"]),
        (["base"], []),
    ):
        upgrade(branch=LABEL)
        lines = lines_of(capsys, "downgrade", *arguments, "--branch", LABEL, "--yes", "--json")
        undone = [f"{LABEL}.{name}" for name in reversed(THREE) if name not in left]
        assert json.loads("\n".join(lines)) == {"undone": undone}
        assert empty.applied(LABEL) == left
        assert empty.tables() - {"django_migrations"} == {name[-1] for name in left}


def test_downgrade_says_what_it_did_or_that_there_was_nothing(empty: OwnDatabase, trial: Trial, capsys: Said) -> None:
    trial(**THREE)
    upgrade(branch=LABEL)
    lines = lines_of(capsys, "downgrade", "messages.0002", "--yes")
    assert lines[:2] == ["Undo messages.0003_c", "    Raw SQL operation"]
    assert lines[2].startswith("Undone: messages.0003_c (0.")
    assert lines_of(capsys, "downgrade", "messages.0002", "--yes") == [
        "Nothing to do: there are no migrations to undo."
    ]


@pytest.mark.slow
def test_minus_two_is_an_argument_in_a_shell_as_well(migrated: OwnDatabase) -> None:
    before = migrated.applied("keystone")
    status, said = migrated.manage("db", "downgrade", "-2", "--branch", "keystone", "--plan")
    assert status == 0, said
    undone = [line for line in said.splitlines() if line.startswith("Undo keystone.")]
    assert undone == [f"Undo keystone.{name}" for name in before[:-3:-1]]
    assert migrated.applied("keystone") == before


def test_the_plan_shows_what_else_would_be_undone(migrated: OwnDatabase, capsys: Said) -> None:
    lines = lines_of(capsys, "downgrade", "base", "--plan")
    undone = [line for line in lines if line.startswith("Undo ")]
    assert "Undo project.0001_initial  (another branch)" in undone
    assert "Undo admin.0001_initial  (another branch)" in undone
    assert undone.index("Undo project.0001_initial  (another branch)") < undone.index("Undo keystone.0001_initial")
    assert migrated.applied("project") == ["0001_initial"]
    [step] = json.loads("\n".join(lines_of(capsys, "downgrade", "base", "--branch", "project", "--plan", "--json")))[
        "plan"
    ]
    assert (step["migration"], step["action"]) == ("project.0001_initial", "undo")


def test_the_plan_marks_what_cannot_be_undone(empty: OwnDatabase, trial: Trial, capsys: Said) -> None:
    trial(**FOUR)
    upgrade(branch=LABEL)
    lines = lines_of(capsys, "downgrade", "-2", "--branch", LABEL, "--plan")
    assert lines[-2:] == ["  ! cannot be undone: Raw SQL operation", "  ! cannot be undone: Raw Python operation"]


@pytest.mark.slow
def test_keystone_can_be_undone_to_the_ground_and_come_back(migrated: OwnDatabase) -> None:
    names = in_order(planning.executor().loader, "keystone")
    call_command("db", "downgrade", "base", "--yes")
    assert not {table for table in migrated.tables() if table.startswith(("keystone_", "project_"))}
    assert migrated.applied("keystone") == []
    again = upgrade()
    assert [name for name in again if name.startswith("keystone.")] == [f"keystone.{name}" for name in names]


def test_sql_is_what_undoes_it(empty: OwnDatabase, trial: Trial, capsys: Said) -> None:
    trial(**THREE)
    upgrade(branch=LABEL)
    lines = lines_of(capsys, "downgrade", "-2", "--branch", LABEL, "--sql")
    assert empty.applied(LABEL) == ["0001_a", "0002_b", "0003_c"]
    assert lines.index("-- Undo messages.0003_c") < lines.index("-- Undo messages.0002_b")
    empty.run("\n".join(lines))
    assert empty.tables() == {"a", "django_migrations"}
    assert empty.applied(LABEL) == ["0001_a"]


@pytest.mark.slow
def test_sql_of_keystone_s_own_undoes_it(migrated: OwnDatabase, capsys: Said) -> None:
    lines = lines_of(capsys, "downgrade", "base", "--sql")
    migrated.run("\n".join(lines))
    assert not {table for table in migrated.tables() if table.startswith(("keystone_", "project_"))}
    assert migrated.applied("keystone") == []


def test_a_way_back_that_fails_is_named_with_what_was_done(empty: OwnDatabase, trial: Trial) -> None:
    trial(**{**THREE, "0002_b": made_by("b", after="0001_a", back="INSERT INTO nowhere VALUES (1)")})
    upgrade(branch=LABEL)
    with pytest.raises(MigrationFailed) as raised:
        downgrade(*plan_downgrade("base", branch=LABEL))
    assert raised.value.detail.startswith('messages.0002_b failed: relation "nowhere" does not exist')
    assert raised.value.detail.endswith(" All of its changes were rolled back. Completed before it: messages.0003_c.")
    assert empty.applied(LABEL) == ["0001_a", "0002_b"]
    assert empty.tables() == {"a", "b", "django_migrations"}


def test_a_lock_that_is_not_given_fails_the_way_back(empty: OwnDatabase, trial: Trial) -> None:
    trial(**THREE)
    upgrade(branch=LABEL)
    with empty.connect() as somebody:
        somebody.execute("BEGIN")
        somebody.execute("SELECT * FROM c")
        with pytest.raises(CommandError, match=r"messages\.0003_c did not get a lock within 0\.3 s; process \d+"):
            call_command("db", "downgrade", "--branch", LABEL, "--yes", "--lock-timeout", "0.3")
    assert empty.applied(LABEL) == ["0001_a", "0002_b", "0003_c"]


def test_only_what_was_agreed_to_is_undone(empty: OwnDatabase, trial: Trial) -> None:
    trial(**THREE)
    upgrade("0002_b", branch=LABEL)
    agreed = plan_downgrade("0001_a", branch=LABEL)
    upgrade(branch=LABEL)
    with pytest.raises(MovedMeanwhile):
        downgrade(*agreed)
    assert empty.applied(LABEL) == ["0001_a", "0002_b", "0003_c"]
