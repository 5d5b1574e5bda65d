"""Record runs. Only one of each kind and name runs at a time."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from django.db import Error, connection
from django.utils import timezone
from django.utils.translation import gettext

from keystone.actors.actor import Actor
from keystone.data.models import DataRun, Kind, State
from keystone.database.locking import own_connection
from keystone.exceptions import Refusal
from keystone.text.one_line import in_one_line

RUNNING = 0x6B64_6174  # "kdat", the first key of the advisory locks for runs


class AlreadyRuns(Refusal):
    """The same thing is already running, possibly on another machine."""

    code = "already_runs"


@dataclass(kw_only=True)
class Counts:
    """Numbers of rows by what happened to them."""

    read: int = 0
    written: int = 0
    unchanged: int = 0
    refused: int = 0

    @classmethod
    def of(cls, run: DataRun) -> Self:
        """Return the recorded counts of a run."""
        return cls(read=run.rows_read, written=run.rows_written, unchanged=run.rows_unchanged, refused=run.rows_refused)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            read=self.read + other.read,
            written=self.written + other.written,
            unchanged=self.unchanged + other.unchanged,
            refused=self.refused + other.refused,
        )


@contextmanager
def exclusive(kind: Kind, name: str) -> Iterator[None]:
    """Hold a lock so that only one run of this kind and name is active on all machines.

    Unfinished runs whose process is gone are marked as interrupted. The lock is held on a separate connection and
    released when the process ends.

    Raises:
        AlreadyRuns: another run is active.
        SessionNeeded: a pooler would hand the connection on.
        OperationalError: the database does not answer.
    """
    number = zlib.crc32(f"{kind} {name}".encode()) - 2**31  # PostgreSQL's integers are signed
    with own_connection("keystone data") as own:
        with connection.wrap_database_errors:
            own.execute("SET idle_session_timeout = 0")
            row = own.execute("SELECT pg_try_advisory_lock(%s, %s)", [RUNNING, number]).fetchone()
        if row is None or not row[0]:
            raise AlreadyRuns(
                gettext("The %(kind)s %(name)s is already running. Try again when it has finished.")
                % {"kind": Kind(kind).label, "name": name}
            )
        try:
            gone = DataRun.objects.filter(kind=kind, name=name, state=State.RUNNING)
            gone.update(state=State.INTERRUPTED, finished_at=timezone.now())
            yield
        finally:
            with suppress(psycopg.Error):  # PostgreSQL may notice only later that the connection was closed
                own.execute("SELECT pg_advisory_unlock(%s, %s)", [RUNNING, number])


@contextmanager
def recorded(
    kind: Kind,
    name: str,
    *,
    by: Actor,
    options: dict[str, Any] | None = None,
    is_trial: bool = False,
    pipeline: DataRun | None = None,
    step: str = "",
    resumed: DataRun | None = None,
) -> Iterator[DataRun]:
    """Record the run of the block, which must hold the lock of `exclusive`.

    The run has succeeded when the block calls `succeed` or ends without an error.

    Args:
        by: who runs it.
        options: its options.
        is_trial: whether everything is rolled back.
        pipeline, step: the pipeline's run and the step's name if this is a step of a pipeline.
        resumed: the earlier run to continue; no new run is recorded then.

    Raises:
        Exception: any error of the block, which is recorded.
    """
    if resumed is None:
        run = DataRun.objects.create(
            kind=kind,
            name=name,
            by=by.label,
            options=options or {},
            is_trial=is_trial,
            pipeline=pipeline,
            step=step,
        )
    else:
        run = resumed
        run.state, run.finished_at, run.error = State.RUNNING, None, ""
        run.save(update_fields=["state", "finished_at", "error"])
    try:
        yield run
    except BaseException as error:
        is_stopped = not isinstance(error, Exception)
        with suppress(Error):  # if the database is unavailable, the next run records it
            why = gettext("It was stopped.") if is_stopped else in_one_line(error)
            _end(run, State.INTERRUPTED if is_stopped else State.FAILED, error=why)
        raise
    if run.state == State.RUNNING:
        succeed(run, Counts.of(run))


def succeed(run: DataRun, counts: Counts) -> None:
    """Record that a run has succeeded. Call it in the transaction that writes the rows, so that both are committed
    together.
    """
    keep(run, counts)
    _end(run, State.SUCCEEDED)


def keep(run: DataRun, counts: Counts, **values: Any) -> None:
    """Record the progress of a run."""
    run.rows_read, run.rows_written = counts.read, counts.written
    run.rows_unchanged, run.rows_refused = counts.unchanged, counts.refused
    for name, value in values.items():
        setattr(run, name, value)
    run.save(update_fields=["rows_read", "rows_written", "rows_unchanged", "rows_refused", *values])


def _end(run: DataRun, state: State, **values: Any) -> None:
    values = {"finished_at": timezone.now(), "state": state, **values}
    # Only a running one: if the connection was lost during the commit, the run may have succeeded.
    DataRun.objects.filter(pk=run.pk, state=State.RUNNING).update(**values)
    for name, value in values.items():
        setattr(run, name, value)
