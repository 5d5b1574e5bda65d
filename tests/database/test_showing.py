"""One migration, or a branch: `db show`."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from keystone.database.branches import branches
from keystone.database.migration_status import BranchStatus
from keystone.database.showing import MigrationDetails, OneAtATime, show
from keystone.database.targets import AmbiguousMigration, UnknownMigration
from tests.database.own_database import LABEL, lines_of, made_by, write_migrations

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]
THREE = """\
dependencies = [('messages', '0002_two'), ('keystone', '0001_initial')]
atomic = False
operations = [
    migrations.RunSQL('SELECT 1'),
    migrations.SeparateDatabaseAndState(database_operations=[migrations.RunPython(print)]),
    migrations.CreateModel('Trial', [('id', models.BigAutoField(primary_key=True))]),
]"""


@pytest.fixture
def trial(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app with three migrations, of which two are applied; the third cannot be undone."""
    monkeypatch.syspath_prepend(tmp_path)
    module = write_migrations(
        tmp_path,
        **{"0001_one": made_by("one"), "0002_two": made_by("two", after="0001_one"), "0003_three": THREE},
    )
    settings.MIGRATION_MODULES = {LABEL: module}
    for name in ("0001_one", "0002_two"):
        MigrationRecorder(connection).record_applied(LABEL, name)


@pytest.mark.parametrize("written", ["0002_two", "0002_tw", "messages.0002_two", "messages.0002", "messages.0002_t"])
@pytest.mark.usefixtures("trial")
def test_a_migration_is_found_by_what_is_its_own(written: str) -> None:
    found = show(written)
    assert isinstance(found, MigrationDetails)
    assert (found.branch, found.name) == (LABEL, "0002_two")


@pytest.mark.usefixtures("trial")
def test_a_number_is_enough_where_the_branch_is_given() -> None:
    found = show("0002", branch=LABEL)
    assert isinstance(found, MigrationDetails)
    assert found.name == "0002_two"


@pytest.mark.usefixtures("trial")
def test_what_several_migrations_are_called_is_refused_with_their_names() -> None:
    with pytest.raises(AmbiguousMigration) as raised:
        show("0001_initial")
    assert "admin.0001_initial, auth.0001_initial, " in raised.value.detail
    assert "keystone.0001_initial" in raised.value.detail
    with pytest.raises(AmbiguousMigration) as raised:
        show("000", branch=LABEL)
    assert "messages.0001_one, messages.0002_two, messages.0003_three" in raised.value.detail


@pytest.mark.parametrize("written", ["0009_nine", "messages.0009", "keystone.", ""])
@pytest.mark.usefixtures("trial")
def test_what_there_is_not_is_refused(written: str) -> None:
    with pytest.raises(UnknownMigration):
        show(written)
    with pytest.raises(CommandError, match=r"^There is no migration "):
        call_command("db", "show", written)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["nowhere.0001"], r"^There is no branch nowhere\. Known branches: keystone, project, "),
        (["0001", "--branch", "nowhere"], r"^There is no branch nowhere\. Known branches: keystone, project, "),
        (["messages.0001", "--branch", "keystone"], r"^messages\.0001 is not in the branch keystone\.$"),
        (["messages", "--sql"], r"^messages is a branch; --sql shows one migration\."),
    ],
)
@pytest.mark.usefixtures("trial")
def test_what_does_not_fit_is_refused_in_a_line(arguments: list[str], error: str) -> None:
    with pytest.raises(CommandError, match=error) as raised:
        call_command("db", "show", *arguments)
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("trial")
def test_a_migration_says_what_it_does_needs_and_whether_there_is_a_way_back() -> None:
    assert show("0003_three") == MigrationDetails(
        branch=LABEL,
        name="0003_three",
        applied=False,
        applied_at=None,
        atomic=False,
        operations=["Raw SQL operation", "Custom state/database change combination", "Create model Trial"],
        irreversible=["Raw SQL operation", "Raw Python operation"],
        needs=["keystone.0001_initial", "messages.0002_two"],
        needed_by=[],
    )
    two = show("0002_two")
    assert isinstance(two, MigrationDetails)
    assert two.applied
    assert two.applied_at is not None
    assert two.applied_at.utcoffset() is not None
    assert (two.atomic, two.irreversible) == (True, [])
    assert (two.needs, two.needed_by) == (["messages.0001_one"], ["messages.0003_three"])


@pytest.mark.usefixtures("trial")
def test_what_other_apps_need_is_told() -> None:
    first = show("keystone.0001_initial")
    assert isinstance(first, MigrationDetails)
    assert "messages.0003_three" in first.needed_by
    assert "keystone.0002_triggers" in first.needed_by


@pytest.mark.usefixtures("trial")
def test_show_prints_a_migration(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_of(capsys, "show", "0003_three") == [
        "Migration    messages.0003_three",
        "State        pending",
        "Depends on   keystone.0001_initial, messages.0002_two",
        "Required by  -",
        "Reversible   no: Raw SQL operation; Raw Python operation",
        "Atomic       no",
        "",
        "  1. Raw SQL operation",
        "  2. Custom state/database change combination",
        "  3. Create model Trial",
    ]
    found = show("0002_two")
    assert isinstance(found, MigrationDetails)
    lines = lines_of(capsys, "show", "0002", "--branch", LABEL)
    assert lines[1] == f"State        applied at {found.applied_at:%Y-%m-%d %H:%M:%S} UTC"
    assert lines[4:6] == ["Reversible   yes", "Atomic       yes"]


@pytest.mark.usefixtures("trial")
def test_show_prints_a_branch(capsys: pytest.CaptureFixture[str]) -> None:
    MigrationRecorder(connection).record_applied(LABEL, "0099_future")
    assert [line.split(maxsplit=1) for line in lines_of(capsys, "show", LABEL)] == [
        [LABEL, "State"],
        ["0001_one", "applied"],
        ["0002_two", "applied"],
        ["0003_three", "pending"],
        ["0099_future", "applied, not in this code"],
    ]
    [keystone, *_others] = branches()
    lines = lines_of(capsys, "show", "keystone")
    assert [line.split() for line in lines[1:]] == [[name, "applied"] for name in keystone.applied]


@pytest.mark.usefixtures("trial")
def test_show_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads("\n".join(lines_of(capsys, "show", "0003_three", "--json")))
    assert told["needs"] == ["keystone.0001_initial", "messages.0002_two"]
    assert told["irreversible"] == ["Raw SQL operation", "Raw Python operation"]
    assert (told["applied"], told["applied_at"], told["sql"]) == (False, None, None)
    told = json.loads("\n".join(lines_of(capsys, "show", LABEL, "--json")))
    assert (told["branch"], told["pending"]) == (LABEL, ["0003_three"])


@pytest.mark.usefixtures("trial")
def test_show_prints_sql_as_django_does(capsys: pytest.CaptureFixture[str]) -> None:
    for label, name in ((LABEL, "0002_two"), ("admin", "0001_initial"), ("keystone", "0003_signing_in")):
        lines = lines_of(capsys, "show", f"{label}.{name}", "--sql")
        call_command("sqlmigrate", label, name)
        assert lines == capsys.readouterr().out.splitlines()
    told = json.loads("\n".join(lines_of(capsys, "show", "0002_two", "--sql", "--json")))
    assert "CREATE TABLE two (id int);" in told["sql"]
    assert (told["sql"][0], told["sql"][-1]) == ("BEGIN;", "COMMIT;")


@pytest.mark.usefixtures("trial")
def test_python_is_told_and_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Django's `sqlmigrate` would run the one inside of the combination."""
    assert lines_of(capsys, "show", "0003_three", "--sql") == [
        "--",
        "-- Raw SQL operation",
        "--",
        "SELECT 1;",
        "--",
        "-- Custom state/database change combination",
        "--",
        "-- THIS OPERATION CANNOT BE WRITTEN AS SQL",
        "--",
        "-- Create model Trial",
        "--",
        'CREATE TABLE "messages_trial" ("id" bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY);',
    ]


def test_a_migration_without_sql_says_so(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    settings.MIGRATION_MODULES = {LABEL: write_migrations(tmp_path, **{"0001_nothing": "operations = []"})}
    assert lines_of(capsys, "show", "0001_nothing", "--sql") == ["-- No SQL."]


@pytest.mark.usefixtures("trial")
def test_a_branch_is_not_shown_as_sql() -> None:
    with pytest.raises(OneAtATime):
        show(LABEL, sql=True)
    assert isinstance(show(LABEL), BranchStatus)
