"""Fixtures of the served application. A server is started once and serves every test that asks for it."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from keystone.tests.served.server import Server


def _start(
    factory: pytest.TempPathFactory, blocker: DjangoDbBlocker, application: str = "config.wsgi:application"
) -> Iterator[Server]:
    with blocker.unblock():
        server = Server(factory.mktemp("served"), application=application)
        server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _served(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    yield from _start(tmp_path_factory, django_db_blocker)


@pytest.fixture(scope="session")
def _unguarded(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    yield from _start(tmp_path_factory, django_db_blocker, "keystone.tests.served.unguarded:application")


@pytest.fixture
def served(_served: Server, transactional_db: None) -> Server:
    """The application, served; no mails yet."""
    _served.forget_mails()
    return _served


@pytest.fixture
def unguarded(_unguarded: Server, transactional_db: None) -> Server:
    """The application without its row locks; no mails yet."""
    _unguarded.forget_mails()
    return _unguarded
