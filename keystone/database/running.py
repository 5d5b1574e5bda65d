"""Run Django's `migrate`, with progress, a lock timeout and errors."""

import time
from collections.abc import Callable
from typing import Any, override

import psycopg
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.core.management import CommandError, call_command
from django.core.management.commands import migrate
from django.db import Error, connection
from django.db.migrations import Migration
from django.utils.translation import gettext

from keystone.database.locking import lock_timeout, set_lock_timeout
from keystone.exceptions import Refusal
from keystone.text.one_line import in_one_line

Say = Callable[[str], None]


class MigrationFailed(Refusal):
    """A migration failed. Earlier migrations of the plan are done, later ones are not."""

    code = "migration_failed"
    status = 500


class LockNotGiven(MigrationFailed):
    """Another transaction held a lock for too long that a migration needed."""

    code = "lock_not_given"
    status = 503


class _Migrate(migrate.Command):
    """Django's `migrate`, including its checks and the signals that create content types and permissions."""

    def __init__(self, *, seconds: float, said: Say) -> None:
        super().__init__()
        self.seconds = seconds
        self.said = said
        self.at: Migration | None = None
        self.done: list[str] = []

    @override
    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        if action in {"apply_start", "unapply_start"}:
            self.at = migration
            self.begun = time.monotonic()
            set_lock_timeout(0 if _only_waits(migration) else self.seconds)
        elif action in {"apply_success", "unapply_success"}:
            name = str(migration)
            self.done.append(name)
            self.at = None
            text = gettext("Undone: %(name)s (%(seconds).2f s)") if action.startswith("un") else _applied()
            self.said(text % {"name": name, "seconds": time.monotonic() - self.begun})


def run(*arguments: str, seconds: float, said: Say) -> list[str]:
    """Call `migrate` with these arguments. The caller must hold the lock for migrations.

    Args:
        arguments: nothing, an app, or an app and a migration.
        seconds: how long a statement waits for a lock; 0 waits for ever.
        said: called with a message for each migration that is done.

    Returns:
        The migrations that were applied or undone as `app.name`, in order.

    Raises:
        MigrationFailed: one of them failed.
        OperationalError: the database does not answer.
    """
    command = _Migrate(seconds=seconds, said=said)
    try:
        with lock_timeout(seconds):
            call_command(command, *arguments, interactive=False, verbosity=0)
    except CommandError:
        raise  # it already has a readable message
    except Exception as error:
        if command.at is None and not command.done and isinstance(error, Error):
            raise
        raise _failure(command, error) from error
    return command.done


def _only_waits(migration: Migration) -> bool:
    """Return whether all operations create or remove indexes concurrently.

    They wait for other transactions but do not block anything. If such a wait timed out, it would leave an invalid
    index.
    """
    operations = migration.operations
    return bool(operations) and all(
        isinstance(operation, AddIndexConcurrently | RemoveIndexConcurrently) for operation in operations
    )


def _failure(command: _Migrate, error: Exception) -> MigrationFailed:
    """Return the error for a failed migration: what failed, where, and the state of the database."""
    said = in_one_line(error)
    if not isinstance(error, Error):
        said = f"{type(error).__name__}: {said}"
    name = str(command.at) if command.at is not None else gettext("What follows the migrations")
    is_lock = isinstance(error.__cause__, psycopg.errors.LockNotAvailable)
    if is_lock:
        text = gettext("%(name)s did not get a lock within %(seconds)g s; %(holders)s.")
        what = text % {"name": name, "seconds": command.seconds, "holders": _holders()}
    else:
        what = gettext("%(name)s failed: %(said)s") % {"name": name, "said": said.rstrip(".") + "."}
    parts = [what, *_left(command)]
    return (LockNotGiven if is_lock else MigrationFailed)(" ".join(parts))


def _left(command: _Migrate) -> list[str]:
    """Return sentences about the state of the database."""
    parts = []
    if command.at is not None and command.at.atomic:
        parts.append(gettext("All of its changes were rolled back."))
    elif command.at is not None:
        parts.append(
            gettext("It is not atomic: what it had done so far was not rolled back. Check before you continue.")
        )
    if command.done:
        parts.append(gettext("Completed before it: %(names)s.") % {"names": ", ".join(command.done)})
    elif command.at is not None:
        parts.append(gettext("No migration was completed before it."))
    return parts


def _holders() -> str:
    """Describe the oldest transactions, one of which blocked the migration."""
    statement = (
        "SELECT pid, application_name, extract(epoch FROM now() - xact_start) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
        " ORDER BY xact_start LIMIT 3"
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            rows = cursor.fetchall()
    except Error:
        rows = []
    if not rows:
        return gettext("whatever held it has finished")
    text = gettext("process %(pid)d (%(name)s) has been in a transaction for %(seconds).0f s")
    return ", ".join(text % {"pid": pid, "name": name or "?", "seconds": age} for pid, name, age in rows)


def _applied() -> str:
    return gettext("Applied: %(name)s (%(seconds).2f s)")
