"""The sink that writes entries to stderr. It neither raises into the application nor holds it up."""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loguru import Message, Record

    type Formatting = Callable[[Record], str]


class StderrSink:
    """Writes to what stderr is at the time: tests and servers replace it."""

    def __init__(self, formatting: "Formatting") -> None:
        self.formatting = formatting

    def __call__(self, message: "Message") -> None:
        """Write an entry; where stderr is closed, broken or full, the entry is lost."""
        with suppress(Exception):
            write_to_stderr(self.formatting(message.record))


def write_to_stderr(text: str) -> None:
    """Write, where there is a stderr."""
    if sys.stderr is not None:
        sys.stderr.write(text)
        sys.stderr.flush()
