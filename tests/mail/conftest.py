"""Fixtures of mails that are really sent."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from keystone.mail.registry import EMAILS
from tests.mail.sending import register, rejection
from tests.mail.smtp_server import SmtpServer


@pytest.fixture
def smtp(settings: Settings) -> Iterator[SmtpServer]:
    """A mail server that all mails go to."""
    with SmtpServer.running() as server:
        settings.MAILERS = server.mailers
        yield server


@pytest.fixture
def probe() -> Iterator[None]:
    """A registered mail to whoever it is queued for; what a test registers beside it goes with it."""
    before = dict(EMAILS)
    register("probe", rejection)
    yield
    EMAILS.clear()
    EMAILS.update(before)
