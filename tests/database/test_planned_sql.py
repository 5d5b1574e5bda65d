"""The SQL of a plan is written down; nothing of what it is written from is run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from keystone.database.branches import loaded
from keystone.database.migrating import upgrade
from tests.database.own_database import LABEL, OwnDatabase, lines_of

pytestmark = pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning")


COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
WHERE table_schema = 'public' ORDER BY table_name, column_name
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2
"""
PARENT = "migrations.CreateModel('Parent', [('id', models.IntegerField(primary_key=True))])"
CHILD = (
    "migrations.CreateModel('Child', [('id', models.BigAutoField(primary_key=True)), ('code', models.IntegerField()),"
    " ('parent', models.ForeignKey('messages.parent', models.CASCADE))], options={'unique_together': {('code', 'id')}})"
)
TO_PARENT = "models.ForeignKey('messages.parent', models.CASCADE,"


@pytest.mark.slow
def test_an_empty_database_is_made_by_the_sql_as_by_the_migrations(
    empty: OwnDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of(capsys, "upgrade", "--sql")
    assert not [line for line in lines if "INCOMPLETE" in line]
    empty.run("\n".join(lines))
    by_sql = empty.rows(COLUMNS), empty.rows(CONSTRAINTS)
    assert upgrade() == []
    lines_of(capsys, "reset", "--database", empty.name)
    assert (empty.rows(COLUMNS), empty.rows(CONSTRAINTS)) == by_sql


@pytest.mark.parametrize(
    "between",
    [
        "",
        f"migrations.AddField('child', 'other', {TO_PARENT} related_name='+', null=True))",
        f"migrations.AlterField('child', 'parent', {TO_PARENT} db_constraint=False))",
    ],
)
def test_a_foreign_key_of_an_earlier_step_is_known_by_its_name(
    empty: OwnDatabase, trial: Callable[..., None], capsys: pytest.CaptureFixture[str], between: str
) -> None:
    wider = "migrations.AlterField('parent', 'id', models.CharField(max_length=9, primary_key=True))"
    trial(
        **{
            "0001_a": f"operations = [{PARENT}, {CHILD}]",
            "0002_b": f"dependencies = [('messages', '0001_a')]\noperations = [{between}]",
            "0003_c": f"dependencies = [('messages', '0002_b')]\noperations = [{wider}]",
        }
    )
    lines = lines_of(capsys, "upgrade", "--branch", LABEL, "--sql")
    assert not [line for line in lines if "INCOMPLETE" in line]
    empty.run("\n".join(lines))
    by_sql = empty.rows(COLUMNS), empty.rows(CONSTRAINTS)
    lines_of(capsys, "downgrade", "base", "--branch", LABEL, "--yes")
    lines_of(capsys, "upgrade", "--branch", LABEL)
    assert (empty.rows(COLUMNS), empty.rows(CONSTRAINTS)) == by_sql


def test_a_name_that_is_not_known_yet_is_told_of_in_a_line(
    empty: OwnDatabase, trial: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    trial(
        **{
            "0001_a": f"operations = [{PARENT}, {CHILD}]",
            "0002_b": "dependencies = [('messages', '0001_a')]\n"
            "operations = [migrations.AlterUniqueTogether('child', set())]",
            "0003_c": "dependencies = [('messages', '0002_b')]\n"
            "operations = [migrations.AddField('child', 'more', models.IntegerField(null=True))]",
        }
    )
    told = (
        "-- INCOMPLETE: a constraint of messages_child has no name yet. Apply the migrations before this one, then "
        "print its SQL again."
    )
    lines = lines_of(capsys, "upgrade", "--branch", LABEL, "--sql")
    assert lines.count(told) == 1
    assert lines.index("-- Apply messages.0002_b") < lines.index(told) < lines.index("-- Apply messages.0003_c")
    assert 'ALTER TABLE "messages_child" ADD COLUMN "more" integer NULL;' in lines
    assert told in lines_of(capsys, "show", "messages.0002_b", "--sql")
    lines_of(capsys, "upgrade", "0001_a", "--branch", LABEL)
    lines = lines_of(capsys, "upgrade", "--branch", LABEL, "--sql")
    assert told not in lines
    empty.run("\n".join(lines))
    assert upgrade(branch=LABEL) == []


@pytest.mark.parametrize("command", ["upgrade", "downgrade"])
def test_python_is_told_of_wherever_it_stands(
    command: str, empty: OwnDatabase, trial: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = tmp_path / "ran"
    touch = f"lambda apps, editor: __import__('pathlib').Path({str(ran)!r}).touch()"
    operation = f"migrations.RunPython({touch}, {touch})"
    trial(
        **{"0001_a": f"operations = [migrations.SeparateDatabaseAndState(database_operations=[{operation}])]"},
    )
    if command == "downgrade":
        lines_of(capsys, "upgrade", "--branch", LABEL)
        ran.unlink()
    assert (LABEL, "0001_a") in loaded().disk_migrations
    lines = lines_of(capsys, command, *(["base"] if command == "downgrade" else []), "--branch", LABEL, "--sql")
    assert "-- THIS OPERATION CANNOT BE WRITTEN AS SQL" in lines
    assert not ran.exists()
