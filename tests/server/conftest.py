"""A product of a test's own to set things in, and an empty database to start with."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from django.conf import settings
from pytest_django import DjangoDbBlocker

from tests.database.own_database import OwnDatabase, make

PATIENCE = 90  # seconds; machines that run tests are often busy


class Product:
    """A copy of `manage.py` and `config`, with `.env` files of its own, in the local environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        base = Path(settings.BASE_DIR)
        shutil.copytree(base / "config", folder / "config", ignore=shutil.ignore_patterns("tests", "__pycache__"))
        shutil.copy(base / "manage.py", folder)

    def start(
        self,
        *arguments: str,
        output: IO[bytes] | int = subprocess.PIPE,
        typed_on: int = subprocess.PIPE,
        **environment: str,
    ) -> "subprocess.Popen[str]":
        """`manage.py server` in a process of its own, without a terminal unless it is given one."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        kept |= {"PYTHONPATH": str(settings.BASE_DIR), "DATA_DIR": str(self.folder / "data"), **environment}
        return subprocess.Popen(
            [sys.executable, "manage.py", "server", *arguments],
            cwd=self.folder,
            env=kept,
            stdin=typed_on,
            start_new_session=True,  # else passwords are asked for on the tests' own terminal
            stdout=output,
            stderr=output,
            text=True,
        )

    def run(self, *arguments: str, typed: str = "", **environment: str) -> tuple[int, str, str]:
        """The same, to its end: what it returned, said and complained of."""
        process = self.start(*arguments, output=subprocess.PIPE, typed_on=subprocess.PIPE, **environment)
        said, complained = process.communicate(typed, timeout=PATIENCE)
        return process.returncode, said, complained

    def write(self, name: str, text: str) -> Path:
        """Write a file, readable for its owner alone."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path


@pytest.fixture
def product(tmp_path: Path) -> Product:
    """A product without any `.env` file."""
    folder = tmp_path / "product"
    folder.mkdir()
    return Product(folder)


@pytest.fixture
def fresh(django_db_blocker: DjangoDbBlocker) -> Iterator[OwnDatabase]:
    """A database that holds nothing."""
    with django_db_blocker.unblock():
        own = make()
        try:
            yield own
        finally:
            own.drop()
