"""Fixtures of processes that break, and of what they leave."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.caching.conftest import redis_server
from tests.faults import effects
from tests.faults.postgres import Postgres
from tests.mail.smtp_server import SmtpServer
from tests.served.conftest import _servers, manage, serve

__all__ = ["_servers", "manage", "redis_server", "serve"]


@pytest.fixture
def effect_table(transactional_db: None) -> Iterator[None]:
    """The table of effects, empty."""
    effects.make_table()
    yield
    effects.drop_table()


@pytest.fixture
def sink() -> Iterator[SmtpServer]:
    """A mail server that behaves until it is told otherwise."""
    with SmtpServer.running() as server:
        yield server


@contextmanager
def _short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket; pytest's are not."""
    folder = Path(tempfile.mkdtemp(prefix="kpg"))
    folder.chmod(0o755)  # the user of PostgreSQL passes through
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def made_postgres() -> Iterator[Postgres]:
    """A server that does not run, to be copied."""
    with _short_folder() as folder:
        server = Postgres(folder)
        server.make()
        yield server


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """For what has sockets in it."""
    with _short_folder() as folder:
        yield folder


@pytest.fixture
def postgres(made_postgres: Postgres, short_folder: Path) -> Iterator[Postgres]:
    """A server of the test's own, which runs."""
    server = made_postgres.copied_to(short_folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
