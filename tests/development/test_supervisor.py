"""The processes of development: started, started again, reported, ended."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from keystone.development import supervisor
from keystone.development.supervisor import Child, is_watched, watched_folders

STAYS = [sys.executable, "-c", "import time; time.sleep(60)"]
ENDS = [sys.executable, "-c", "raise SystemExit(3)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)",
]


def child(command: list[str]) -> Child:
    made = Child("worker", ())
    made.command = command
    return made


@pytest.fixture
def staying() -> Iterator[Child]:
    made = child(STAYS)
    yield made
    made.end()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_child_that_ends_by_itself_is_reported_and_started_again_later_and_later(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_WAIT", 0.05)
    it = child(ENDS)
    it.restart()
    started: set[int] = set()

    def has_started(times: int) -> bool:
        it.look()
        if it.process is not None:
            started.add(it.process.pid)
        return len(started) == times

    for times in (1, 2, 3, 4):
        until(lambda times=times: has_started(times))  # type: ignore[misc]  # mypy cannot infer a lambda's default
    said = capsys.readouterr().err
    assert said.count("The worker has exited (status 3). It will be restarted in ") == 3
    assert it._wait == pytest.approx(0.05 * 2**3)
    it.end()


def test_a_child_that_runs_is_left_alone_and_ended_when_told(staying: Child) -> None:
    staying.look()
    process = staying.process
    assert process is not None
    staying.look()
    assert staying.process is process
    staying.end()
    assert process.returncode == -15
    staying.end()  # there is nothing any more


def test_a_restarted_child_is_another_process_without_a_wait_and_without_a_report(
    staying: Child, capsys: pytest.CaptureFixture[str]
) -> None:
    staying.look()
    first = staying.process
    staying.restart()
    staying.restart()  # another change, while it still ends

    def is_another() -> bool:
        staying.look()
        return staying.process not in {None, first}

    until(is_another)
    assert first is not None
    assert first.returncode == -15
    assert capsys.readouterr().err == ""


def test_a_child_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "END_WITHIN", 0.2)
    it = child(DEAF)
    process = it.process = subprocess.Popen(DEAF, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it ignores SIGTERM from here on
    process.stdout.close()
    it.end()
    assert process.returncode == -9


def test_the_projects_own_files_are_watched_and_its_tests_are_not(tmp_path: Path) -> None:
    base = Path(settings.BASE_DIR)
    assert {base / "keystone", base / "project", base / "config", base / "templates"} <= set(watched_folders())
    assert not [folder for folder in watched_folders() if "site-packages" in folder.parts or folder == base]
    for name in ("project/models.py", "config/settings/base.py", "keystone/templates/keystone/emails/layout.mjml"):
        assert is_watched(base / name)
    for name in ("project/tests/test_x.py", "keystone/__pycache__/a.py", "project/models.pyc", "keystone/static/a.txt"):
        assert not is_watched(base / name)
