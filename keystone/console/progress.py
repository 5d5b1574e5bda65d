"""Progress bars on a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def progress_shown() -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar for each step of the block, on stderr if it is a terminal.

    It yields a function, to be called with the step's name, the amount done and the total.
    """
    if not sys.stderr.isatty():
        yield lambda _step, _done, _total: None
        return
    with Progress(console=Console(stderr=True)) as bars:
        known = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in known:
                known[step] = bars.add_task(step, total=total)
            bars.update(known[step], completed=done, total=total)

        yield show
