"""Imports whose processes are killed: all of the file or nothing is there, and a partial one goes on where it was."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

from tests.data.slow_import import CHUNK
from tests.database.own_database import PATIENCE, OwnDatabase

ROWS = 400
pytestmark = pytest.mark.served


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "groups.csv"
    path.write_text("\n".join(["name", *(f"Group {number}" for number in range(ROWS))]))
    return path


def start(own: OwnDatabase, file: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.data.slow_import", str(file), *options],
        cwd=settings.BASE_DIR,
        env=own.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until_it_imports(own: OwnDatabase, *, rows: int = 0, runs: int = 1) -> None:
    """Wait until so many runs are kept, and of the last one so many rows are."""
    end = time.monotonic() + PATIENCE
    question = f"SELECT 1 FROM keystone_datarun WHERE last_row >= {rows} AND (SELECT count(*) FROM keystone_datarun) = "  # noqa: S608 - a test's
    while not own.rows(f"{question}{runs}"):
        assert time.monotonic() < end
        time.sleep(0.02)


def groups(own: OwnDatabase) -> int:
    [[found]] = own.rows("SELECT count(*) FROM auth_group WHERE name NOT IN ('Approver', 'Auditor', 'Support')")
    return int(found)


def states(own: OwnDatabase) -> list[tuple[str, int, int]]:
    return own.rows("SELECT state, rows_read, rows_written FROM keystone_datarun ORDER BY id")


def test_a_killed_import_leaves_nothing_and_can_be_run_again(migrated: OwnDatabase, file: Path) -> None:
    for number, moment in enumerate((0.1, random.uniform(0.2, 1.2)), 1):  # noqa: S311 - no secret
        process = start(migrated, file)
        until_it_imports(migrated, runs=number)
        time.sleep(moment)
        process.kill()
        process.communicate(timeout=PATIENCE)
        assert groups(migrated) == 0
    process = start(migrated, file)
    assert process.communicate(timeout=PATIENCE)[0] == f"{ROWS}\n"
    assert groups(migrated) == ROWS
    assert states(migrated) == [("interrupted", 0, 0), ("interrupted", 0, 0), ("succeeded", ROWS, ROWS)]


def test_a_killed_partial_import_goes_on_where_it_was(migrated: OwnDatabase, file: Path) -> None:
    process = start(migrated, file, "--partial")
    until_it_imports(migrated, rows=2 * CHUNK + 1)
    process.kill()
    process.communicate(timeout=PATIENCE)
    before = groups(migrated)
    assert before % CHUNK == 0
    assert 2 * CHUNK <= before < ROWS
    process = start(migrated, file, "--partial")
    said = process.communicate(timeout=PATIENCE)[0]
    assert f"An import of this file stopped after row {before + 1}." in said
    process = start(migrated, file, "--partial", "--resume")
    assert process.communicate(timeout=PATIENCE)[0] == f"{ROWS}\n"  # with those of before, and none twice
    assert groups(migrated) == ROWS
    assert states(migrated) == [("succeeded", ROWS, ROWS)]


def test_two_imports_at_once_are_one_and_a_refusal(migrated: OwnDatabase, file: Path) -> None:
    first = start(migrated, file)
    until_it_imports(migrated)
    first.send_signal(signal.SIGSTOP)  # else it might be done before the other has begun
    try:
        second = start(migrated, file)
        said = second.communicate(timeout=PATIENCE)[0]
    finally:
        first.send_signal(signal.SIGCONT)
        counted = first.communicate(timeout=PATIENCE)[0]
    assert "The importer slow-groups is already running. Try again when it has finished." in said
    assert counted == f"{ROWS}\n"
    assert groups(migrated) == ROWS
