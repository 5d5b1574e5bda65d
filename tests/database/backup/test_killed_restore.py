"""A restore that is killed (`kill -9`) at any moment leaves the old database in service, and the next one succeeds."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import sql

from tests.database.backup.compared import contents, family
from tests.database.own_database import PATIENCE, OwnDatabase, lines_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]

# In the one transaction that swaps: the first renaming is done, and the new database's turn has come.
SWAPPING = """
SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ '^(COMMENT ON|ALTER) DATABASE "{}"'
"""


class Restore:
    """A restore in a process of its own, of a database that was changed since the backup.

    Args:
        people: the database.
        folder: the data folder, with the backup `one`.
        before: the database's contents when it was made.
    """

    def __init__(self, people: OwnDatabase, folder: Path, before: dict[str, tuple[int, str | None]]) -> None:
        self.people, self.folder, self.before = people, folder, before
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Begin."""
        arguments = ("db", "backup", "restore", "one", "--database", self.people.name)
        self.process = self.people.start(*arguments, DATA_DIR=str(self.folder))

    def until(self, condition: Callable[[], object]) -> None:
        """Wait, while it runs."""
        assert self.process is not None
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "it did not come"
            assert self.process.poll() is None, self.process.communicate()[0]
            time.sleep(0.01)

    def end(self) -> None:
        """Kill it, and what it had started, and wait until the server has noticed."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)  # or it might start a program that nobody ends
        main = psutil.Process(self.process.pid)
        for process in (main, *main.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((self.folder / "program").read_text()), signal.SIGKILL)
        self.process.communicate(timeout=PATIENCE)
        end = time.monotonic() + PATIENCE
        while (left := self.new()) and self.people.rows(f"SELECT 1 FROM pg_stat_activity WHERE datname = '{left}'"):  # noqa: S608 - a test's
            assert time.monotonic() < end, "a connection stays"
            time.sleep(0.01)

    def new(self) -> str | None:
        """The new database's name."""
        names = (self.people.name + suffix for suffix in family(self.people) if suffix.startswith("_restore_"))
        return next(names, None)

    def has_come_to(self, moment: str) -> Callable[[], bool]:
        """Whether a file says so."""
        return (self.folder / moment).exists


@pytest.fixture
def restore(
    people: OwnDatabase, folder: Path, sample_backup: Path, stand_before: Callable[[str, str], None]
) -> Restore:
    """One that can be held: `pg_restore` waits before it ends until the file `go` is there."""
    shutil.copytree(sample_backup, folder / "one")
    before = contents(people)
    people.run("INSERT INTO auth_group (name) VALUES ('written since the backup')")
    data = folder.parent
    stand_before(
        "pg_restore",
        f'echo $$ > "{data}/program"; "$REAL" --section=pre-data "$@"; touch "{data}/tables"\n'
        f'[ -e "{data}/stay" ] && exec sleep 100\n'
        f'"$REAL" --section=data --section=post-data "$@"; touch "{data}/filled"\n'
        f'while [ ! -e "{data}/go" ]; do sleep 0.05; done',
    )
    return Restore(people, data, before)


@pytest.mark.parametrize("moment", ["made", "tables", "filled", "swapping"])
def test_a_killed_restore_leaves_the_old_database_in_service(
    people: OwnDatabase, restore: Restore, moment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = contents(people)
    assert changed != restore.before
    if moment == "tables":
        (restore.folder / "stay").touch()
    restore.start()
    if moment == "swapping":
        restore.until(restore.has_come_to("filled"))
        hold_and_end(people, restore)
    else:
        restore.until(restore.new if moment == "made" else restore.has_come_to(moment))
        restore.end()
    assert contents(people) == changed
    left = restore.new()
    assert left is not None
    assert family(people) == ["", left.removeprefix(people.name)]
    people.run("INSERT INTO auth_group (name) VALUES ('it takes writes')")

    listed = "\n".join(lines_of(capsys, "backup", "list"))
    assert f"{left} (" in listed
    assert "belongs to a restore that is running or was interrupted. To remove it: DROP DATABASE" in listed
    (restore.folder / "stay").unlink(missing_ok=True)
    (restore.folder / "go").touch()
    lines = lines_of(capsys, "backup", "restore", "one", "--database", people.name)
    assert f"Removed leftovers of interrupted restores: {left}." in lines
    assert contents(people) == restore.before
    assert len(family(people)) == 2


def hold_and_end(people: OwnDatabase, restore: Restore) -> None:
    """Kill it between the two renamings, where it waits for a lock that somebody holds."""
    with people.server() as somebody:
        hold(somebody, restore)
        restore.end()
        somebody.rollback()


def hold(somebody: "psycopg.Connection[tuple[object, ...]]", restore: Restore) -> None:
    """Hold a lock on the new database until the restore waits for it."""
    new = restore.new()
    assert new is not None
    somebody.autocommit = False
    somebody.execute(sql.SQL("COMMENT ON DATABASE {} IS 'held'").format(sql.Identifier(new)))
    (restore.folder / "go").touch()
    with restore.people.server() as another:
        restore.until(lambda: another.execute(SWAPPING.format(new).encode()).fetchone())


def test_a_restore_that_is_frozen_while_it_swaps_gives_the_old_database_back(
    people: OwnDatabase, restore: Restore
) -> None:
    changed = contents(people)
    restore.start()
    restore.until(restore.has_come_to("filled"))
    assert restore.process is not None
    with people.server() as somebody:
        hold(somebody, restore)
        restore.process.send_signal(signal.SIGSTOP)
        somebody.rollback()
    begun = time.monotonic()
    assert contents(people) == changed  # connecting waits until PostgreSQL gives the transaction up
    assert time.monotonic() - begun < 30
    restore.process.send_signal(signal.SIGCONT)
    said = restore.process.communicate(timeout=PATIENCE)[0]
    assert restore.process.returncode == 1
    assert "PostgreSQL error: " in said
    assert contents(people) == changed
    assert family(people) == [""]
