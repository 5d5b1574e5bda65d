"""The tests that run by default, with `--all`, and when the arguments name some."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
TESTS = """
import pytest


def test_quick() -> None: ...


@pytest.mark.slow
def test_slow() -> None: ...


@pytest.mark.served
def test_served() -> None: ...
"""
SETTINGS = "[pytest]\ntestpaths = .\nmarkers =\n    slow\n    served\n    faults\n    browser\n"


def test_only_quick_tests_run_unless_the_arguments_name_others(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    everything = ["test_quick", "test_slow", "test_served"]
    for arguments, expected in (
        ([], ["test_quick"]),
        (["-x"], ["test_quick"]),
        (["-n", "1"], ["test_quick"]),
        (["--all"], everything),
        (["-m", "slow"], ["test_slow"]),
        (["-k", "test_"], everything),
        (["test_some.py"], everything),
        (["test_some.py::test_served"], ["test_served"]),
        (["test_some.py", "-m", "not served"], ["test_quick", "test_slow"]),
    ):
        command = [sys.executable, "-m", "pytest", "-p", "xdist.plugin", "-p", "tests.selection", "-v", *arguments]
        # The other installed plugins take seconds to load.
        environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        passed = {name for line in done.stdout.splitlines() if "PASSED" in line for name in everything if name in line}
        assert (done.returncode, passed) == (0, set(expected)), (arguments, done.stdout, done.stderr)
