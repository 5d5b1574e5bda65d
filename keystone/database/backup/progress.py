"""Report the progress of backups."""

import re
from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # the current step, units done, units in total


def counting(pattern: re.Pattern[str], text: str, total: int, progress: Progress) -> Callable[[str], None]:
    """Return a function that takes the output lines of a program and reports each table that it reaches."""
    done = 0

    def said(line: str) -> None:
        nonlocal done
        if pattern.search(line):
            done += 1
            progress(text, min(done, total), total)

    return said
