"""Where several processes count together, and what they tell when any of them is asked."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from keystone.monitoring.metrics import folder
from keystone.server.running import NoMetricsFolder, Served, counting_together
from tests.monitoring.metrics.conftest import TOKEN, values
from tests.served.server import Server


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary files of the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv(folder.VARIABLE, raising=False)


def dead() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_one_worker_counts_alone_and_several_in_a_new_folder(tmp_path: Path) -> None:
    assert counting_together(Served()) == {}
    made = Path(counting_together(Served(workers=2))[folder.VARIABLE])
    assert (made.parent, made.stat().st_mode & 0o777, list(made.iterdir())) == (tmp_path, 0o700, [])
    assert counting_together(Served(workers=2))[folder.VARIABLE] != str(made)


@pytest.mark.slow
def test_folders_of_servers_that_have_ended_are_removed(tmp_path: Path) -> None:
    ended, living = tmp_path / f"keystone-metrics-{dead()}-a", tmp_path / f"keystone-metrics-{os.getpid()}-b"
    others = tmp_path / "keystone-metrics-of-somebody"
    for path in (ended, living, others):
        path.mkdir()
        (path / "counter_1.db").touch()
    folder.make_folder()
    assert [path.exists() for path in (ended, living, others)] == [False, True, True]


def test_a_folder_of_the_operators_is_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = tmp_path / "given"
    monkeypatch.setenv(folder.VARIABLE, str(given))
    assert counting_together(Served()) == {folder.VARIABLE: str(given)}
    (given / "counter_1.db").touch()
    (given / "notes").touch()
    counting_together(Served())
    assert [path.name for path in given.iterdir()] == ["notes"]


def test_a_place_that_cannot_be_written_to_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(folder.VARIABLE, str(tmp_path / "file"))
    with pytest.raises(
        NoMetricsFolder, match=r"^The workers need a writable folder, .* PROMETHEUS_MULTIPROC_DIR: File exists$"
    ):
        counting_together(Served(workers=2))


@pytest.mark.slow
def test_what_the_dead_were_at_is_left_out(tmp_path: Path) -> None:
    gone = dead()
    for name in (f"gauge_livesum_{gone}.db", f"gauge_livesum_{os.getpid()}.db", f"counter_{gone}.db"):
        (tmp_path / name).touch()
    folder.forget_the_dead(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"counter_{gone}.db", f"gauge_livesum_{os.getpid()}.db"]


@pytest.mark.served
def test_whichever_process_is_asked_tells_what_all_have_counted(tmp_path: Path, transactional_db: None) -> None:
    variables = {folder.VARIABLE: str(tmp_path), "METRICS_TOKEN": TOKEN}
    server = Server(tmp_path / "server", environment=variables, application="tests.served.pooled:application")
    server.start()
    try:
        answered = 1  # by which it was seen to have started
        for _ in range(40):
            answered += server.get("/api/health/live/").status == 200
        server.get("/api/health/ready/")
        for _ in range(8):  # each of the two is asked
            found = _scrape(server)
            assert found["keystone_http_requests_total"]["GET", "health-live", "200"] == answered
            assert found["keystone_http_requests_in_flight"] == {(): 0}
            assert found["keystone_database_up"] == {(): 1}
            assert found["keystone_people"][("active",)] == 0
            assert found["keystone_database_pool_waiting"] == {(): 0}
        both = set(tmp_path.glob("counter_*.db"))
        assert len(both) == 2, "one process answered all"
        assert 2 <= _pool(server) <= 32

        # One dies; those who are left go on from what it has counted.
        pids = {int(path.stem.rpartition("_")[2]) for path in both}
        victim = next(iter(pids & {process.pid for process in psutil.Process(server.process.pid).children()}))
        psutil.Process(victim).kill()
        end = time.monotonic() + 20
        while psutil.pid_exists(victim) and psutil.Process(victim).status() != "zombie" and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        server.kill()
    folder.forget_the_dead(str(tmp_path))
    assert {path.name.partition("_")[0] for path in tmp_path.glob("*.db")} == {"counter", "histogram"}


def _scrape(server: Server) -> dict[str, dict[tuple[str, ...], float]]:
    answer = server.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status == 200
    return values(answer.text)


def _pool(server: Server) -> float:
    return _scrape(server)["keystone_database_pool_connections"][()]
