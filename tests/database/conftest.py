"""Databases of a test's own: an empty one, and one with all migrations. They need the server, not the tests' one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker, Settings

from keystone.database.migrating import upgrade
from tests.database.own_database import LABEL, OwnDatabase, leading_to, make, write_migrations


@pytest.fixture(scope="session")
def _migrated(django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The name of a database with all migrations, to be copied."""
    with django_db_blocker.unblock():
        own = make()
        try:
            with leading_to(own):
                upgrade()
            yield own.name
        finally:
            own.drop()


@pytest.fixture
def empty(django_db_blocker: DjangoDbBlocker) -> Iterator[OwnDatabase]:
    """A database that holds nothing; Django's connection leads to it."""
    with django_db_blocker.unblock():
        yield from _used(make())


@pytest.fixture
def migrated(_migrated: str, django_db_blocker: DjangoDbBlocker) -> Iterator[OwnDatabase]:
    """A database with all migrations and no data; Django's connection leads to it."""
    with django_db_blocker.unblock():
        yield from _used(make(template=_migrated))


@pytest.fixture(scope="module")
def read_only(_migrated: str, django_db_blocker: DjangoDbBlocker) -> Iterator[OwnDatabase]:
    """The same for all tests of a module, which only read it."""
    with django_db_blocker.unblock():
        yield from _used(make(template=_migrated))


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Callable[..., None]:
    """Gives an app that has no migrations some, by name and body."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(**bodies: str) -> None:
        module = write_migrations(tmp_path, **bodies)
        settings.MIGRATION_MODULES = {**settings.MIGRATION_MODULES, LABEL: module}

    return write


def _used(own: OwnDatabase) -> Iterator[OwnDatabase]:
    try:
        with leading_to(own):
            yield own
    finally:
        own.drop()
