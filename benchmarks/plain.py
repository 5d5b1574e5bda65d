"""Plain Procrastinate: an app of its own, in a database of its own, and its worker as a process."""

import logging
import os
import time
from pathlib import Path

import procrastinate

NAME = "note"


def note(path: str = "", sent_at: float = 0.0) -> None:
    """As `benchmarks.functions.note`, in a process that knows nothing of Django."""
    if path:
        line = f"{time.time() - sent_at}\n".encode()
        with Path(path).open("ab", buffering=0) as file:
            os.write(file.fileno(), line)


def app_with(connector: procrastinate.BaseConnector) -> procrastinate.App:
    """An app whose one task is the function."""
    app = procrastinate.App(connector=connector)
    app.task(name=NAME)(note)
    return app


def work(conninfo: str, concurrency: str) -> None:
    """Run a worker until it is told to stop."""
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "WARNING"))
    app = app_with(procrastinate.PsycopgConnector(conninfo=conninfo))
    with app.open():
        app.run_worker(concurrency=int(concurrency))
