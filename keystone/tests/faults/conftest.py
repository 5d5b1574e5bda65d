"""Fixtures of processes that break, and of what they leave."""

from collections.abc import Iterator

import pytest

from keystone.tests.faults import effects
from keystone.tests.mail.smtp_server import SmtpServer
from keystone.tests.served.conftest import _servers, manage, serve

__all__ = ["_servers", "manage", "serve"]


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
