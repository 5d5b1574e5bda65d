"""Report the progress of backups."""

import re
from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # what is done, how much of it, of how much


def counting(pattern: re.Pattern[str], text: str, total: int, progress: Progress) -> Callable[[str], None]:
    """Something that takes the lines of a program, and tells of each table that it has come to."""
    done = 0

    def said(line: str) -> None:
        nonlocal done
        if pattern.search(line):
            done += 1
            progress(text, min(done, total), total)

    return said
