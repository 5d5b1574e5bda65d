"""The application without its row locks, and with time between reading an authenticator and writing it."""

import time

from tests.served.unguarded import application  # first: it sets Django up

# isort: split
from keystone.two_factor.models import Authenticator

__all__ = ["application"]

verify_token = Authenticator.verify_token


def verify_slowly(self: Authenticator, token: str) -> bool:
    """Give the others time to read the same row. Counting the attempts makes them come one by one."""
    time.sleep(0.1)
    return verify_token(self, token)


Authenticator.verify_token = verify_slowly  # type: ignore[method-assign]  # that is the point
