"""The processes beside the development server: started, started again, told of, ended."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from keystone.development import companions
from keystone.development.companions import COMMANDS, Companion, Companions, snapshot, watched_folders

STAYS = [sys.executable, "-c", "import time; time.sleep(60)"]
ENDS = [sys.executable, "-c", "raise SystemExit(3)"]


def companion(command: list[str]) -> Companion:
    made = Companion("worker", ())
    made.command = command
    return made


def runs(it: Companion) -> bool:
    """Whether it runs, once it has been looked at."""
    it.look()
    return it.process is not None


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_one_that_ends_by_itself_is_told_and_started_again_later_and_later(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(companions, "FIRST_WAIT", 0.05)
    it = companion(ENDS)
    it.may_start()
    for times in (1, 2, 3):
        until(lambda: runs(it))
        first = it.process
        assert first is not None
        first.wait()
        it.look()
        assert it.process is None
        assert it.wait == pytest.approx(0.05 * 2**times)
    said = capsys.readouterr().err
    assert said.count("The worker has ended by itself (code 3).") == 3


def test_one_that_runs_is_left_alone_and_ended_when_asked() -> None:
    it = companion(STAYS)
    it.look()
    process = it.process
    it.look()
    assert it.process is process
    it.ask_to_end()
    it.await_end()
    assert process is not None
    assert process.returncode == -15
    it.ask_to_end()  # there is nothing any more
    it.await_end()


def test_one_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companions, "END_WITHIN", 0.3)
    it = companion(STAYS)
    it.look()
    process = it.process
    it.await_end()  # nobody has asked it to
    assert process is not None
    assert process.returncode == -9


def test_a_change_of_a_file_starts_all_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(companions, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(companions, "watched_folders", lambda: [tmp_path])
    file = tmp_path / "tasks.py"
    file.touch()
    monkeypatch.setattr(companions, "COMMANDS", {"worker": ()})
    all_of_them = Companions()
    [it] = all_of_them._companions
    it.command = STAYS
    all_of_them.start()
    try:
        until(lambda: it.process is not None)
        first = it.process
        file.write_text("changed")
        until(lambda: it.process not in {first, None})
    finally:
        all_of_them.stop()
    assert it.process is None


def test_what_never_started_can_be_stopped() -> None:
    Companions().stop()


def test_the_projects_own_files_are_watched_and_its_tests_are_not() -> None:
    base = Path(settings.BASE_DIR)
    files = snapshot(watched_folders())
    for name in ("keystone/tasks.py", "project/apps.py", "config/project.py"):
        assert base / name in files
    assert not [file for file in files if "tests" in file.parts or "site-packages" in file.parts]
    assert any(file.suffix == ".mjml" for file in files)


def test_a_file_that_has_just_gone_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    assert snapshot([tmp_path]) == {tmp_path / "gone.py": 0}


def test_commands_of_the_companions_exist() -> None:
    assert {command[0] for command in COMMANDS.values()} <= set(get_commands())
