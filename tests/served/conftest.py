"""Fixtures of the served application. A server is started once and serves every test that asks for one like it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.served.process import ManagedProcess
from tests.served.server import Server

Serve = Callable[..., Server]
Manage = Callable[..., ManagedProcess]
# Signs of life so quick that a dead worker is noticed within two seconds.
QUICK = ("--heartbeat", "0.3", "--stalled-after", "1", "--grace", "0.5")
WIDE = dict.fromkeys(
    (
        "ATTEMPTS_PER_IP",
        "ATTEMPTS_PER_ADDRESS",
        "ATTEMPTS_PER_ADDRESS_AND_IP",
        "CODE_ATTEMPTS_PER_DAY",
        "REQUESTS_PER_IP",
        "CHANGES_PER_PERSON",
    ),
    "1000000",
)


@pytest.fixture(scope="session")
def _servers(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serve]:
    running: dict[tuple[str, frozenset[tuple[str, str]]], Server] = {}

    def serve(application: str = "config.wsgi:application", **environment: str) -> Server:
        key = (application, frozenset(environment.items()))
        if key not in running:
            server = Server(tmp_path_factory.mktemp("served"), application=application, environment=environment)
            with django_db_blocker.unblock():
                server.start()
            running[key] = server
        return running[key]

    yield serve
    for server in running.values():
        server.stop()


@pytest.fixture
def serve(_servers: Serve, transactional_db: None) -> Serve:
    """Makes a server of `application` with these variables in its environment; no mails yet."""

    def serve(application: str = "config.wsgi:application", **environment: str) -> Server:
        server = _servers(application, **environment)
        server.forget_mails()
        return server

    return serve


@pytest.fixture
def served(serve: Serve) -> Server:
    """The application, served; no mails yet."""
    return serve()


@pytest.fixture
def unguarded(serve: Serve) -> Server:
    """The application without its row locks; no mails yet."""
    return serve("tests.served.unguarded:application")


@pytest.fixture
def stock(serve: Serve) -> Server:
    """The application in the field's stock ways; no mails yet. Its counts outlive a test, so no limit is in reach."""
    return serve("tests.served.stock:application", **WIDE)


@pytest.fixture
def manage(transactional_db: None, tmp_path: Path) -> Iterator[Manage]:
    """Makes processes of `manage.py`, such as `manage("worker", *QUICK)`; each is ended with the test."""
    made: list[ManagedProcess] = []

    def manage(command: str, *arguments: str, wait: bool = True, **options: Any) -> ManagedProcess:
        process = ManagedProcess(tmp_path / f"{command}{len(made)}", command, *arguments, **options)
        made.append(process)
        return process.start(wait=wait)

    yield manage
    for process in made:
        process.stop()
