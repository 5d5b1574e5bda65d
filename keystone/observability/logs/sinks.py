"""The sink that writes entries to stderr. It never raises exceptions into the application."""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loguru import Message, Record

    type Formatting = Callable[[Record], str]


class StderrSink:
    """Writes to the current `sys.stderr`, which tests and servers may replace."""

    def __init__(self, formatting: "Formatting") -> None:
        self.formatting = formatting

    def __call__(self, message: "Message") -> None:
        """Write an entry. It is lost if stderr is closed, broken or full."""
        with suppress(Exception):
            write_to_stderr(self.formatting(message.record))


def write_to_stderr(text: str) -> None:
    """Write to stderr if it exists."""
    if sys.stderr is not None:
        sys.stderr.write(text)
        sys.stderr.flush()
