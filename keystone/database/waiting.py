"""Wait for a database that is starting or temporarily unavailable."""

import time
from collections.abc import Callable

from django.utils.translation import gettext

from keystone.database.server import NoAnswer, ServerAnswer, ask

ATTEMPTS = 30
INTERVAL = 2.0  # seconds
TIMEOUT = 5.0  # seconds


def wait_for_database(
    *,
    attempts: int = ATTEMPTS,
    interval: float = INTERVAL,
    timeout: float = TIMEOUT,
    said: Callable[[str], None] | None = None,
) -> ServerAnswer:
    """Query the database until it answers.

    Args:
        attempts: maximum number of attempts.
        interval: seconds between the end of an attempt and the next.
        timeout: maximum duration of an attempt in seconds, at least 2.
        said: called with one line for every failed attempt.

    Raises:
        NoAnswer: the database did not answer at the last attempt.
        ImproperlyConfigured: no database is configured.
    """
    attempt = 1
    while True:
        try:
            return ask(timeout=timeout)
        except NoAnswer as refusal:
            if said is not None:
                text = gettext("Attempt %(attempt)d of %(attempts)d: %(said)s")
                said(text % {"attempt": attempt, "attempts": attempts, "said": refusal.detail})
            if attempt >= attempts:
                raise
        attempt += 1
        time.sleep(interval)
