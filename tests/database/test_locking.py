"""Upgrades at once, in processes of their own as on several machines."""

import threading
import time
from pathlib import Path

import pytest

from keystone.database.locking import MIGRATING
from keystone.database.migrating import upgrade
from tests.database.own_database import PATIENCE, OwnDatabase

MANY = 6


@pytest.mark.served
def test_of_many_upgrades_at_once_one_does_it_and_the_others_find_nothing_to_do(empty: OwnDatabase) -> None:
    processes = [empty.start("db", "upgrade") for _number in range(MANY)]
    said = [process.communicate(timeout=PATIENCE)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * MANY, said
    idle = [text for text in said if text.endswith("Nothing to do: all migrations are applied.\n")]
    assert len(idle) == MANY - 1
    assert any("Another process is migrating this database. Waiting until it has finished." in text for text in idle)
    [busy] = [text for text in said if text not in idle]
    applied = [line.split()[1] for line in busy.splitlines() if line.startswith("Applied: ")]
    assert empty.rows("SELECT app || '.' || name FROM django_migrations ORDER BY id") == [(name,) for name in applied]


@pytest.mark.served
def test_control_django_s_own_migrate_fails_when_many_run_at_once(empty: OwnDatabase) -> None:
    processes = [empty.start("migrate") for _number in range(MANY)]
    said = [process.communicate(timeout=PATIENCE)[0] for process in processes]
    assert {process.returncode for process in processes} != {0}, said


@pytest.mark.slow
def test_a_killed_upgrade_leaves_whole_migrations_and_another_one_ends_it(empty: OwnDatabase) -> None:
    process = empty.start("db", "upgrade")
    end = time.monotonic() + PATIENCE
    while len(empty.applied("procrastinate")) < 5:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
    process.kill()
    process.communicate()
    done = len(empty.rows("SELECT 1 FROM django_migrations"))
    left = upgrade()
    assert left[-1] == "sessions.0001_initial"
    assert len(empty.rows("SELECT DISTINCT app, name FROM django_migrations")) == done + len(left)


def test_an_upgrade_waits_for_the_lock_and_says_so(migrated: OwnDatabase) -> None:
    said: list[str] = []
    with migrated.connect() as somebody:
        somebody.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
        end = threading.Timer(1.0, somebody.close)  # as when its process dies
        end.start()
        begun = time.monotonic()
        assert upgrade(said=said.append) == []
        assert time.monotonic() - begun >= 0.9
        end.join()
    assert said == ["Another process is migrating this database. Waiting until it has finished."]


def test_the_lock_is_free_afterwards(migrated: OwnDatabase) -> None:
    upgrade()
    assert migrated.rows(f"SELECT pg_try_advisory_lock({MIGRATING})") == [(True,)]


@pytest.mark.slow
def test_waiting_for_the_lock_has_no_limit_of_a_role(migrated: OwnDatabase) -> None:
    """Others' migrations may take longer than any statement of the site."""
    migrated.run(f"ALTER DATABASE \"{migrated.name}\" SET statement_timeout = '500ms'")
    migrated.run(f"ALTER DATABASE \"{migrated.name}\" SET lock_timeout = '500ms'")
    with migrated.connect() as somebody:
        somebody.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
        end = threading.Timer(1.5, somebody.close)
        end.start()
        assert upgrade("0001", branch="keystone") == []
        end.join()


@pytest.mark.slow
def test_a_database_that_is_away_is_told_in_a_line(empty: OwnDatabase, tmp_path: Path) -> None:
    status, said = empty.manage("db", "upgrade", DATABASE_URL="postgresql://keystone@127.0.0.1:1/keystone")
    assert status == 1
    [line] = said.splitlines()
    assert line.startswith("CommandError: Database error: connection failed: ")
