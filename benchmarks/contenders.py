"""The two queues, with what is asked of both. Each enqueues through Django's connection, as a web process does."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.db import transaction
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.types import JSONDict

from benchmarks import functions, plain
from keystone.background.backend import enqueue_many

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120.0  # seconds until a benchmark that does not move is given up
SETTLED = 1.5  # seconds in which a worker that has registered also listens
CLEAR = "TRUNCATE procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers"
LEFT = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
FAILED = "SELECT count(*) FROM procrastinate_jobs WHERE status <> 'succeeded'"
# By the database's clock, so that neither the start of processes nor the looking counts.
SPAN = """
SELECT extract(epoch FROM max(at) FILTER (WHERE type = 'succeeded') - min(at) FILTER (WHERE type = 'started'))::float
FROM procrastinate_events
"""


class Contender:
    """One queue. `enqueue` and `enqueue_all` are its own ways."""

    name: str
    alias: str

    def __init__(self, url: str) -> None:
        self.url = url

    def enqueue(self, **call: Any) -> None:
        """Enqueue one call of the function."""
        raise NotImplementedError

    def enqueue_all(self, calls: list[JSONDict]) -> None:
        """Enqueue many in one statement."""
        raise NotImplementedError

    def command(self, concurrency: int) -> list[str]:
        """What starts a worker."""
        raise NotImplementedError

    def clear(self) -> None:
        """Forget all tasks, and let PostgreSQL tidy up now rather than within a measurement."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(CLEAR)
            connection.execute("VACUUM ANALYZE")

    def singly(self, count: int) -> float:
        """Enqueue each in a transaction of its own; the rate per second."""

        def run() -> None:
            for _number in range(count):
                self.enqueue()

        return self._rate(count, run)

    def together(self, count: int) -> float:
        """Enqueue one after the other in one transaction; the rate per second."""

        def run() -> None:
            with transaction.atomic(using=self.alias):
                for _number in range(count):
                    self.enqueue()

        return self._rate(count, run)

    def at_once(self, count: int) -> float:
        """Enqueue all in one statement; the rate per second."""
        return self._rate(count, lambda: self.enqueue_all([{} for _number in range(count)]))

    def run_all(self, count: int) -> float:
        """Let the running workers work off `count` tasks; the rate per second."""
        self.clear()
        self.enqueue_all([{} for _number in range(count)])
        self._until(LEFT, 0)
        self._refuse_failures()
        return count / float(self._one(SPAN))

    def wake_ups(self, count: int, file: Path) -> list[float]:
        """Enqueue one task after the other for idle workers; the seconds from the call to the function's start."""
        self.clear()
        file.write_bytes(b"")
        for number in range(1, count + 1):
            self.enqueue(path=str(file), sent_at=time.time())
            deadline = time.monotonic() + PATIENCE
            while file.read_bytes().count(b"\n") < number:
                self._give_up_after(deadline)
                time.sleep(0.002)
            time.sleep(0.02)
        self._until(LEFT, 0)
        self._refuse_failures()
        return [float(line) for line in file.read_text().split()]

    @contextmanager
    def workers(self, count: int, *, concurrency: int) -> Iterator[None]:
        """Worker processes, once they are ready and have nothing to do; they are ended in order."""
        self.clear()
        running: list[subprocess.Popen[bytes]] = []
        try:
            for _number in range(count):
                process = subprocess.Popen(self.command(concurrency), cwd=ROOT, env=os.environ)  # noqa: S603 - ourselves
                running.append(process)
            self._until("SELECT count(*) FROM procrastinate_workers", count)
            time.sleep(SETTLED)
            yield
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(PATIENCE)

    def _rate(self, count: int, run: Callable[[], object]) -> float:
        self.clear()
        begun = time.perf_counter()
        run()
        return count / (time.perf_counter() - begun)

    def _one(self, statement: str) -> Any:
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None

    def _until(self, statement: str, wanted: int) -> None:
        deadline = time.monotonic() + PATIENCE
        with psycopg.connect(self.url, autocommit=True) as connection:
            while connection.execute(statement.encode()).fetchone() != (wanted,):
                self._give_up_after(deadline)
                time.sleep(0.1)

    def _give_up_after(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{self.name} did not get on within {PATIENCE:g} seconds")

    def _refuse_failures(self) -> None:
        if self._one(FAILED):
            raise RuntimeError(f"{self.name}: a task has not succeeded")


class Keystone(Contender):
    """Ours: `task.enqueue()` and `manage.py worker`."""

    name, alias = "Keystone", "default"

    def enqueue(self, **call: Any) -> None:
        """Enqueue by the API of Django's tasks."""
        functions.note.enqueue(**call)

    def enqueue_all(self, calls: list[JSONDict]) -> None:
        """Enqueue by our function for many."""
        enqueue_many(functions.note, calls)

    def command(self, concurrency: int) -> list[str]:
        """Our worker."""
        return [sys.executable, "manage.py", "worker", "--concurrency", str(concurrency)]


class Plain(Contender):
    """Procrastinate by itself, with the connector for Django here and that for psycopg in the worker."""

    name, alias = "Procrastinate", "plain"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        app = plain.app_with(DjangoConnector(alias=self.alias))
        self._task = app.tasks[plain.NAME]

    def enqueue(self, **call: Any) -> None:
        """Enqueue by its own call."""
        self._task.defer(**call)

    def enqueue_all(self, calls: list[JSONDict]) -> None:
        """Enqueue by its own call for many."""
        self._task.batch_defer(*calls)

    def command(self, concurrency: int) -> list[str]:
        """Its worker."""
        call = "import sys; from benchmarks.plain import work; work(*sys.argv[1:])"  # it warns of an app in __main__
        return [sys.executable, "-c", call, self.url, str(concurrency)]
