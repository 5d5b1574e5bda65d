"""Copies of the folders with the migrations, for tests that write some."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
import uuid
from importlib import import_module
from pathlib import Path

from django.conf import settings
from django.db.migrations import Migration

CODE = Path(settings.BASE_DIR)
EMPTY = """\
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [({label!r}, {after!r})]
    operations = []
"""


class Scratch:
    """Folders in the place of those with the migrations of Keystone and the project, as copies of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = f"scratch_{uuid.uuid4().hex}"
        (folder / self.package).mkdir()
        (folder / self.package / "__init__.py").touch()
        self.modules: dict[str, str] = {}
        for label in ("keystone", "project"):
            self.modules[label] = f"{self.package}.{label}"
            shutil.copytree(CODE / label / "migrations", self.of(label), ignore=shutil.ignore_patterns("__pycache__"))

    def of(self, label: str) -> Path:
        return self.folder / self.package / label

    def names(self, label: str) -> list[str]:
        return sorted(file.stem for file in self.of(label).glob("0*.py"))

    def empty(self, label: str) -> None:
        for file in self.of(label).glob("0*.py"):
            file.unlink()

    def change(self, before: str, after: str) -> None:
        """Change the project's first migration, so that its model differs."""
        file = self.of("project") / "0001_initial.py"
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after))

    def fork(self, label: str) -> list[str]:
        """Write two migrations that follow the last one."""
        last = self.names(label)[-1]
        names = [f"{int(last[:4]) + 1:04}_{name}" for name in ("here", "there")]
        for name in names:
            (self.of(label) / f"{name}.py").write_text(EMPTY.format(label=label, after=last))
        return names

    def next(self, label: str, name: str) -> str:
        return f"{len(self.names(label)) + 1:04}_{name}"

    def imported(self, label: str, name: str) -> Migration:
        """A migration of its."""
        found = import_module(f"{self.modules[label]}.{name}").Migration(name, label)
        assert isinstance(found, Migration)
        return found

    def environment(self) -> dict[str, str]:
        """Of a process that has its folders in the place of the code's."""
        (self.folder / "scratch_settings.py").write_text(
            f"from config.settings.testing import *\n\nMIGRATION_MODULES = {self.modules!r}\n"
        )
        return {
            **os.environ,
            "ENVIRONMENT": "testing",
            "DJANGO_SETTINGS_MODULE": "scratch_settings",
            "PYTHONPATH": str(self.folder),
        }

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`manage.py` in a process of its own that has no terminal."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=CODE, env=self.environment(), capture_output=True, text=True, timeout=120)

    def type(self, answer: str, *arguments: str) -> tuple[int, str]:
        """Run it on a terminal, and type an answer once there is a question."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=CODE,
            env=self.environment(),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        said, is_answered, end = b"", False, time.monotonic() + 120
        try:
            while time.monotonic() < end:
                if select.select([ours], [], [], 0.1)[0]:
                    try:
                        said += os.read(ours, 65536)
                    except OSError:  # Linux: nobody has the other side open any more
                        break
                if not is_answered and said.rstrip().endswith(b"[y/N]"):
                    os.write(ours, answer.encode())
                    is_answered = True
            return process.wait(timeout=20), said.decode()
        finally:
            os.close(ours)
            if process.poll() is None:
                process.kill()
                process.wait(timeout=20)
