"""Databases with people in them, and programs that stand before PostgreSQL's own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker, Settings

from keystone.database.backup import programs
from keystone.database.backup.creating import BackupOptions, create
from tests.database.backup.compared import server_major, used, with_sample_people
from tests.database.own_database import OwnDatabase, leading_to, make


@pytest.fixture(scope="session")
def sample(django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnDatabase]:
    """A database with the sample people, which no test changes."""
    with django_db_blocker.unblock(), with_sample_people(tmp_path_factory.mktemp("sample")) as own:
        own.run("SELECT nextval('auth_group_id_seq') FROM generate_series(1, 5)")  # a gap, as deleted rows leave one
        yield own


@pytest.fixture(scope="session")
def sample_backup(
    sample: OwnDatabase, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A whole backup of it, to be copied."""
    folder = tmp_path_factory.mktemp("backup")
    with django_db_blocker.unblock(), leading_to(sample):
        return create(BackupOptions(folder=folder, name="one"), progress=lambda *_step: None).path


@pytest.fixture
def people(sample: OwnDatabase, django_db_blocker: DjangoDbBlocker) -> Iterator[OwnDatabase]:
    """A copy of it; Django's connection leads there."""
    with django_db_blocker.unblock(), used(make(template=sample.name)) as own:
        yield own


@pytest.fixture
def target(django_db_blocker: DjangoDbBlocker) -> Iterator[OwnDatabase]:
    """An empty database to restore into."""
    with django_db_blocker.unblock():
        own = make()
        with used(own):
            yield own


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    """The folder of backups: the default one, in a data folder of the test's own."""
    settings.DATA_DIR = tmp_path
    return tmp_path / "backups"


@pytest.fixture
def stand_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a shell script before a program of PostgreSQL's; in it, `$REAL` is that program."""
    place = tmp_path / "programs"

    major = server_major()

    def stand(name: str, script: str) -> None:
        real = programs.find(name, at_least=major).path
        place.mkdir(exist_ok=True)
        path = place / name
        path.write_text(f'#!/bin/sh\nREAL="{real}"\n[ "$1" = --version ] && exec "$REAL" --version\n{script}\n')
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")

    return stand
