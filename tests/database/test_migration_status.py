"""How the database stands: `db status` and `db current`."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from keystone.database.branches import branches
from keystone.database.migration_status import BranchStatus, branch_statuses
from keystone.database.planning import BrokenMigrations
from keystone.database.server import server
from keystone.testing.factories import UserFactory
from tests.database.own_database import LABEL, lines_of, made_by, write_migrations

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]


class Trial:
    """Migrations of an app that has none otherwise."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings

    def write(self, **bodies: str) -> None:
        self.settings.MIGRATION_MODULES = {LABEL: write_migrations(self.folder, **bodies)}


@pytest.fixture
def trial(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Trial:
    monkeypatch.syspath_prepend(tmp_path)
    return Trial(tmp_path, settings)


@pytest.fixture
def recorder() -> MigrationRecorder:
    """Writes what the database has, without doing it."""
    return MigrationRecorder(connection)


def standing(label: str) -> BranchStatus:
    [found] = [found for found in branch_statuses() if found.branch == label]
    return found


def test_a_branch_says_what_is_applied_and_what_is_pending(trial: Trial, recorder: MigrationRecorder) -> None:
    trial.write(
        **{
            "0001_one": made_by("one"),
            "0002_two": made_by("two", after="0001_one"),
            "0003_x": made_by("x", after="0002_two"),
        }
    )
    assert standing(LABEL) == BranchStatus(LABEL, None, [], ["0001_one", "0002_two", "0003_x"], [], [])
    recorder.record_applied(LABEL, "0001_one")
    recorder.record_applied(LABEL, "0002_two")
    assert standing(LABEL) == BranchStatus(LABEL, "0002_two", ["0001_one", "0002_two"], ["0003_x"], [], [])


def test_what_another_version_of_the_code_has_applied_is_told(recorder: MigrationRecorder) -> None:
    recorder.record_applied("keystone", "9999_from_the_future")
    recorder.record_applied("removed", "0002_second")
    recorder.record_applied("removed", "0001_initial")
    found = branch_statuses()
    assert found[0].branch == "keystone"
    assert found[0].unknown == ["9999_from_the_future"]
    assert "9999_from_the_future" not in found[0].applied
    assert found[-1] == BranchStatus("removed", None, [], [], ["0001_initial", "0002_second"], [])
    assert [standing.branch for standing in found if standing.unknown] == ["keystone", "removed"]


def test_what_was_squashed_is_not_unknown(trial: Trial, recorder: MigrationRecorder) -> None:
    replaces = f"replaces = [({LABEL!r}, '0001_one'), ({LABEL!r}, '0002_two')]\n"
    trial.write(**{"0001_squashed": replaces + made_by("one")})
    recorder.record_applied(LABEL, "0001_one")
    recorder.record_applied(LABEL, "0002_two")
    assert standing(LABEL) == BranchStatus(LABEL, "0001_squashed", ["0001_squashed"], [], [], [])


def test_a_branch_that_ends_twice_says_so(trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    trial.write(
        **{
            "0001_one": made_by("one"),
            "0002_here": made_by("here", after="0001_one"),
            "0002_there": made_by("there", after="0001_one"),
        }
    )
    assert standing(LABEL).conflicting == ["0002_here", "0002_there"]
    [line] = [line for line in lines_of(capsys, "current") if line.startswith(LABEL)]
    assert line.endswith("pending: 0001_one, 0002_here, 0002_there; several latest migrations: 0002_here, 0002_there")


@pytest.mark.parametrize("command", [["status"], ["current"], ["show", "keystone"]])
def test_migrations_that_contradict_each_other_are_one_line(trial: Trial, command: list[str]) -> None:
    trial.write(**{"0001_one": made_by("one", after="0000_nowhere")})
    with pytest.raises(BrokenMigrations):
        branch_statuses()
    with pytest.raises(CommandError, match=r"^Migration messages\.0001_one dependencies reference nonexistent parent"):
        call_command("db", *command)


def test_current_prints_a_line_for_each_branch(capsys: pytest.CaptureFixture[str], recorder: MigrationRecorder) -> None:
    lines = lines_of(capsys, "current")
    assert lines[0].split() == ["Branch", "Current", "Applied", "Pending"]
    assert [line.split()[0] for line in lines[1:]] == [branch.label for branch in branches()]
    assert lines[1].split() == ["keystone", branches()[0].current, str(len(branches()[0].applied)), "0"]
    recorder.record_unapplied("project", "0001_initial")
    recorder.record_applied("project", "9999_from_the_future")
    assert lines_of(capsys, "current")[2].split(maxsplit=4) == [
        "project",
        "-",
        "0",
        "1",
        "pending: 0001_initial; not in this code: 9999_from_the_future",
    ]


def test_a_long_list_of_pending_migrations_is_cut_for_people(
    capsys: pytest.CaptureFixture[str], recorder: MigrationRecorder
) -> None:
    [branch] = [branch for branch in branches() if branch.label == "auth"]
    for name in branch.applied:
        recorder.record_unapplied("auth", name)
    [line] = [line for line in lines_of(capsys, "current") if line.startswith("auth")]
    assert line.endswith(f"pending: {', '.join(branch.applied[:3])} and {len(branch.applied) - 3} more")


def test_current_as_json_names_what_is_pending(capsys: pytest.CaptureFixture[str], recorder: MigrationRecorder) -> None:
    recorder.record_unapplied("project", "0001_initial")
    told = json.loads("\n".join(lines_of(capsys, "current", "--json")))
    assert told[1] == {
        "branch": "project",
        "current": None,
        "pending": ["0001_initial"],
        "unknown": [],
        "conflicting": [],
    }
    assert told[0]["current"] == branches()[0].current


def test_status_prints_the_server_the_tables_and_the_branches(capsys: pytest.CaptureFixture[str]) -> None:
    UserFactory.create_batch(2)
    lines = lines_of(capsys, "status")
    about, tables, listed = "\n".join(lines).split("\n\n")
    assert [line.split("  ")[0] for line in about.splitlines()] == ["Server", "Address", "Database", "Size"]
    assert about.splitlines()[0] == f"Server    PostgreSQL {server().version}"
    assert tables.splitlines()[0].split() == ["Table", "Rows", "Size"]
    [people] = [line.split() for line in tables.splitlines() if line.startswith("keystone_user ")]
    assert people[1] == "2"
    assert people[3] in {"KB", "MB"}  # other tests have left their dead rows in it
    assert listed.splitlines() == lines_of(capsys, "current")


def test_status_marks_what_is_estimated(capsys: pytest.CaptureFixture[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE trial (number int)")
        cursor.execute("INSERT INTO trial SELECT generate_series(1, 120000)")
        cursor.execute("ANALYZE trial")
    [line] = [line.split() for line in lines_of(capsys, "status") if line.startswith("trial")]
    assert line[1] == "~120000"


def test_status_as_json_has_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    UserFactory.create_batch(2)
    told = json.loads("\n".join(lines_of(capsys, "status", "--json")))
    assert list(told) == ["server", "tables", "branches"]
    assert told["server"]["database"] == connection.settings_dict["NAME"]
    [people] = [table for table in told["tables"] if table["name"] == "keystone_user"]
    assert (people["rows"], people["estimated"]) == (2, False)
    assert told["branches"][0]["applied"] == branches()[0].applied
    assert told["branches"][0]["pending"] == []
