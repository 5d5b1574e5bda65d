"""What the tests share that make many requests in one test."""

import pytest
from pytest_django import Settings

MANY = 1_000_000


@pytest.fixture
def unlimited(settings: Settings) -> None:
    """Lifts the attempt limits, which have tests of their own: here they would answer for everything else."""
    limits = (
        "ATTEMPTS_PER_IP",
        "ATTEMPTS_PER_ADDRESS_AND_IP",
        "ATTEMPTS_PER_ADDRESS",
        "ATTEMPTS_PER_CODE_WINDOW",
        "REQUESTS_PER_IP",
    )
    settings.KEYSTONE = settings.KEYSTONE | dict.fromkeys(limits, MANY)
