"""The files of a day: whole lines from any number of processes, packed and removed in time, no error for anybody."""

import gzip
import json
import logging
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from keystone.observability.logs.configuring import install_sinks
from keystone.observability.logs.files import DailyFileSink, tidy
from keystone.observability.logs.lines import as_lines
from tests.observability.logs import processes
from tests.observability.logs.conftest import Written

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def run(code: str, *, redirect: str = "") -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, with a logger that writes JSON."""
    logger = "import logging; logger = logging.getLogger('a.b');"
    return processes.run(logger + code, redirect=redirect, LOG_FORMAT="json")


@pytest.fixture
def sink(tmp_path: Path) -> DailyFileSink:
    return DailyFileSink(tmp_path / "logs", as_lines)


def tidied() -> None:
    """Wait for the thread that tidies."""
    for thread in threading.enumerate():
        if thread.name == "log-tidying":
            thread.join(timeout=30)


def test_a_file_of_a_day_is_for_its_owner_alone(sink: DailyFileSink) -> None:
    sink.append("one\n", NOON)
    tidied()  # of two at once, one gives up
    sink.append("two é\n", NOON + DAY)
    tidied()
    assert {path.name: path.stat().st_mode & 0o777 for path in sink.folder.iterdir()} == {
        ".tidying": 0o600,
        "keystone-2026-03-10.log.gz": 0o600,
        "keystone-2026-03-11.log": 0o600,
    }
    assert sink.folder.stat().st_mode & 0o777 == 0o700
    with gzip.open(sink.folder / "keystone-2026-03-10.log.gz", "rt") as packed:
        assert packed.read() == "one\n"
    assert (sink.folder / "keystone-2026-03-11.log").read_text() == "two é\n"
    sink.stop()
    sink.stop()


def test_a_day_is_packed_some_minutes_after_its_end_and_kept_for_seven(tmp_path: Path) -> None:
    names = [f"keystone-2026-03-{day:02}.log" for day in range(1, 11)]
    for name in [*names, "keystone-2026-02-29.log", "other.log", "keystone-2026-03-09.log.part"]:
        (tmp_path / name).write_text(name)
    midnight = datetime(2026, 3, 10, tzinfo=UTC)
    tidy(tmp_path, midnight + timedelta(minutes=4))
    kept = sorted(path.name for path in tmp_path.iterdir())
    packed = [f"keystone-2026-03-{day:02}.log.gz" for day in range(3, 9)]
    last = ["keystone-2026-03-09.log", "keystone-2026-03-10.log"]
    assert kept == sorted([".tidying", "keystone-2026-02-29.log", *packed, *last, "other.log"])
    tidy(tmp_path, midnight + timedelta(minutes=5))
    tidy(tmp_path, midnight + timedelta(minutes=6))
    kept = sorted(path.name for path in tmp_path.iterdir())
    packed.append("keystone-2026-03-09.log.gz")
    assert kept == sorted([".tidying", "keystone-2026-02-29.log", *packed, last[1], "other.log"])


def test_a_line_that_comes_after_the_packing_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "keystone-2026-03-09.log"
    for text in ("early\n", "late\n"):
        path.write_text(text)
        tidy(tmp_path, NOON)
    with gzip.open(f"{path}.gz", "rt") as packed:
        assert packed.read() == "early\nlate\n"
    assert not path.exists()


@pytest.mark.slow
def test_several_processes_write_whole_lines_over_midnight_while_others_tidy(tmp_path: Path) -> None:
    code = """if True:
        import sys
        from datetime import UTC, datetime, timedelta
        from pathlib import Path
        from keystone.observability.logs.files import DailyFileSink, tidy
        sink = DailyFileSink(Path(sys.argv[1]), str)
        now = datetime(2026, 3, 9, 23, 50, tzinfo=UTC)
        for number in range(3000):
            sink.append(f"{sys.argv[2]} {number} {'x' * (number % 300)} end\\n", now)
            now += timedelta(seconds=1)
            if number % 300 == 299:
                tidy(sink.folder, now)
    """
    command = [sys.executable, "-c", code, str(tmp_path)]
    running = [subprocess.Popen([*command, str(number)], cwd=settings.BASE_DIR) for number in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    text = ""
    for path in sorted(tmp_path.glob("keystone-*")):
        data = path.read_bytes()
        text += (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    lines = text.splitlines()
    expected = sorted(f"{one} {number} {'x' * (number % 300)} end" for one in range(3) for number in range(3000))
    assert sorted(lines) == expected


def test_the_log_is_written_to_the_file_too(tmp_path: Path, json_log: Written) -> None:
    install_sinks("json", tmp_path)
    logging.getLogger("a.b").warning("password=%s", "hunter2")
    tidied()
    [path] = tmp_path.glob("*.log")
    assert json.loads(path.read_text())["message"] == "password=…"
    assert json_log.entries()[0]["message"] == "password=…"


def test_a_folder_that_cannot_be_is_told_once_and_raises_nothing(tmp_path: Path, log: Written) -> None:
    (tmp_path / "file").write_text("")
    install_sinks("lines", tmp_path / "file" / "logs")
    try:
        logging.getLogger("a.b").warning("One.")
        logging.getLogger("a.b").warning("Two.")
    finally:
        install_sinks("lines", None)
    assert "One.\n" in log.getvalue()
    assert "Two.\n" in log.getvalue()
    assert log.getvalue().count("The log cannot be written to") == 1


def test_a_file_of_somebody_else_is_left_to_them(sink: DailyFileSink, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def refuse(path: Path, *arguments: int) -> int:  # root, who runs the tests of some, may open every file
        opened.append(Path(path).name)
        if len(opened) == 1:
            raise PermissionError
        return real(path, *arguments)

    real = os.open
    monkeypatch.setattr(os, "open", refuse)
    sink.append("mine\n", NOON)
    monkeypatch.undo()
    tidied()
    assert opened[:2] == ["keystone-2026-03-10.log", f"keystone-2026-03-10-{os.getuid()}.log"]
    assert (sink.folder / opened[1]).read_text() == "mine\n"


@pytest.mark.slow
def test_a_full_disk_costs_lines_and_the_next_begins_on_its_own(tmp_path: Path) -> None:
    code = f"""
import resource
from pathlib import Path
from keystone.observability.logs.configuring import install_sinks
install_sinks("json", Path({str(tmp_path)!r}))
logger.warning("first")
size = next(Path({str(tmp_path)!r}).glob("*.log")).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, resource.RLIM_INFINITY))
logger.warning("lost")
logger.warning("lost too")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
logger.warning("last")
print("alive")
"""
    done = run(code)
    assert done.stdout == "alive\n", done.stderr
    first, torn, last = next(tmp_path.glob("*.log")).read_text().splitlines()
    assert json.loads(first)["message"] == "first"
    assert len(torn) == 20
    assert json.loads(last)["message"] == "last"
    assert done.stderr.count("The log cannot be written to") == 1
    assert done.stderr.count('"message": "lost') == 2


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
