"""Log files: one a day for each process, packed and removed in time, no error for anybody."""

import gzip
import json
import logging
import os
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from keystone.observability.logs.configuring import install_sinks
from tests.observability.logs import processes
from tests.observability.logs.conftest import Written


def run(code: str, *, redirect: str = "") -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, with a logger that writes JSON."""
    logger = "import logging; logger = logging.getLogger('a.b');"
    return processes.run(logger + code, redirect=redirect, LOG_FORMAT="json")


def test_the_log_is_written_to_a_file_of_this_process_too(tmp_path: Path, json_log: Written) -> None:
    install_sinks("json", tmp_path / "logs")
    logging.getLogger("a.b").warning("password=%s <b> {x} é", "hunter2")
    [path] = (tmp_path / "logs").iterdir()
    assert path.name == f"keystone-{datetime.now(UTC):%Y-%m-%d}-{socket.gethostname()}-{os.getpid()}.log"
    assert json.loads(path.read_text())["message"] == "password=… <b> {x} é"
    assert json_log.entries()[0]["message"] == "password=… <b> {x} é"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_process_that_logs_nothing_makes_no_file(tmp_path: Path, json_log: Written) -> None:
    install_sinks("json", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_packed_after_its_day_and_those_of_all_processes_are_kept_for_seven(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    for days in (6, 8):
        path = tmp_path / f"keystone-{now - timedelta(days=days):%Y-%m-%d}-1.log"
        path.write_text("of another process\n")
        then = (now - timedelta(days=days)).timestamp()
        os.utime(path, (then, then))

    old = tmp_path / "keystone-2020-01-01-1.log.gz"
    old.touch()
    os.utime(old, (0, 0))

    def tomorrow(record: Any) -> None:
        record["time"] += timedelta(days=1)

    install_sinks("lines", tmp_path)
    assert len(list(tmp_path.iterdir())) == 1  # a start removes what is too old as well
    try:
        logger.info("today")
        logger.patch(tomorrow).info("tomorrow")
    finally:
        install_sinks("lines", None)
    [packed] = tmp_path.glob("*.gz")
    with gzip.open(packed, "rt") as stream:
        assert stream.read().endswith(": today\n")
    assert packed.stat().st_mode & 0o777 == 0o600
    mine = f"keystone-{now:%Y-%m-%d}-{socket.gethostname()}-{os.getpid()}.log"
    kept = sorted(path.name for path in tmp_path.glob("*.log"))
    assert kept == sorted([f"keystone-{now - timedelta(days=6):%Y-%m-%d}-1.log", mine])


def test_a_folder_that_cannot_be_costs_entries_and_raises_nothing(tmp_path: Path, log: Written) -> None:
    (tmp_path / "file").write_text("")
    install_sinks("lines", tmp_path / "file" / "logs")
    try:
        logging.getLogger("a.b").warning("One.")
    finally:
        install_sinks("lines", None)
    assert "One.\n" in log.getvalue()


@pytest.mark.slow
def test_a_full_disk_costs_entries_and_stops_nobody(tmp_path: Path) -> None:
    code = f"""
import resource
from pathlib import Path
from typing import Any
from keystone.observability.logs.configuring import install_sinks
install_sinks("json", Path({str(tmp_path)!r}))
logger.warning("first")
size = next(Path({str(tmp_path)!r}).glob("*.log")).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, resource.RLIM_INFINITY))
logger.warning("password=%s", "hunter2")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
logger.warning("last")
print("alive")
"""
    done = run(code)
    assert done.stdout == "alive\n", done.stderr
    first, *_torn, last = next(tmp_path.glob("*.log")).read_text().splitlines()
    assert json.loads(first)["message"] == "first"
    assert '"message": "last"' in last
    assert "Logging error in Loguru Handler" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("redirect", ["2>&-", "2>/dev/full"])
def test_an_stderr_that_takes_nothing_stops_nobody(redirect: str) -> None:
    done = run("logger.warning('x'); logger.error('y'); print('alive')", redirect=redirect)
    assert done.stdout == "alive\n"


@pytest.mark.slow
def test_an_stderr_that_is_gone_stops_nobody() -> None:
    code = "import sys; sys.stderr.close(); logger.warning('x'); sys.stderr = None; logger.error('y'); print('alive')"
    assert run(code).stdout == "alive\n"


@pytest.mark.slow
def test_forked_processes_and_threads_write_whole_lines() -> None:
    code = """
import os, threading
def work(name):
    for number in range(200):
        logger.warning("%s %d", name, number)
children = []
for child in range(2):
    pid = os.fork()
    if pid == 0:
        work(f"child {child}")
        os._exit(0)
    children.append(pid)
threads = [threading.Thread(target=work, args=(f"thread {n}",)) for n in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children])
"""
    done = run(code, redirect="2>&1")
    messages = [json.loads(line)["message"] for line in done.stdout.splitlines()[:-1]]
    names = ["child 0", "child 1", "thread 0", "thread 1", "thread 2"]
    assert sorted(messages) == sorted(f"{name} {number}" for name in names for number in range(200))
    assert done.stdout.endswith("[0, 0]\n")


@pytest.mark.slow
def test_what_nobody_caught_and_warnings_are_lines_too() -> None:
    code = """
import threading, warnings
warnings.warn("token=hunter2")
def fail():
    raise KeyError("token=hunter2")
thread = threading.Thread(target=fail, name="worker")
thread.start()
thread.join()
fail()
"""
    done = run(code)
    assert done.returncode == 1
    assert "hunter2" not in done.stderr
    warned, in_thread, uncaught = (json.loads(line) for line in done.stderr.splitlines())
    assert (warned["logger"], warned["level"]) == ("py.warnings", "WARNING")
    assert in_thread["message"] == "Uncaught in thread worker: KeyError"
    assert uncaught["message"] == "Uncaught: KeyError"
    assert uncaught["exception"].endswith("KeyError: 'token=…'\n")


@pytest.mark.slow
def test_ctrl_c_is_no_error_of_ours() -> None:
    done = run("raise KeyboardInterrupt")
    assert done.stderr.endswith("KeyboardInterrupt\n")
    assert "Uncaught" not in done.stderr
