"""Health checks in PostgreSQL: whether it responds, accepts writes and is migrated; the state of mails and tasks."""

from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import Max, Q
from django.utils import timezone
from psycopg_pool import PoolTimeout, TooManyRequests

from keystone.background.reading import COUNTED, DUE, running_workers
from keystone.conf import options
from keystone.mail.models import MailState, OutgoingMail
from keystone.monitoring.health import migrations
from keystone.monitoring.health.pool import is_cut_off
from keystone.scheduling.processes import alive

OK, UNKNOWN = "ok", "unknown"
DATABASE, MIGRATIONS, DISK = "database", "migrations", "disk"
MAIL, WORKER, SCHEDULER, QUEUE = "mail", "worker", "scheduler", "queue"
CRITICAL = (DATABASE, MIGRATIONS, DISK)
OTHERS = (MAIL, WORKER, SCHEDULER, QUEUE)

STATEMENT_MS = 1500
FAILED_TWICE = 2  # attempts: a single failure may be specific to the mail, as with greylisting
MAILS_LOOKED_AT = 500

# The settings apply to the transaction: behind a pooler the next one may use another session. The minimal work_mem and
# the database's own tablespace are for the statement WRITE below.
BEGIN = """
SELECT set_config('statement_timeout', %(timeout)s, true), set_config('work_mem', '64kB', true),
       set_config('temp_tablespaces', '', true), to_regclass('django_migrations') IS NOT NULL,
       current_setting('transaction_read_only')::boolean OR pg_is_in_recovery()
"""
APPLIED = "SELECT app, name FROM django_migrations"
# Reads still work when the disk is full. This query exceeds work_mem and writes a temporary file of 56 kB: no rows, no
# WAL, nothing to vacuum.
WRITE = "SELECT count(*) FROM generate_series(1, 4000)"
DISK_FULL = "53100"
GONE = ("08", "57P")  # classes of SQLSTATE: the connection is lost, the server stops or starts


def check_database() -> dict[str, str]:
    """Return the result of each check, `ok` or what is wrong, using ten statements in one transaction.

    The results don't contain error messages, which may name hosts. A check that could not be run is `unknown`.
    """
    said = dict.fromkeys((*CRITICAL, *OTHERS), UNKNOWN)
    try:
        with transaction.atomic():
            _check(said)
            transaction.set_rollback(True)  # nothing was written: skip on-commit hooks
    except (DatabaseError, InterfaceError) as error:
        _judge(error, said)
    return said


def _check(said: dict[str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(BEGIN, {"timeout": str(STATEMENT_MS)})
        *_, has_table, is_read_only = cursor.fetchone()
        said[DATABASE] = "read only" if is_read_only else OK
        applied = set()
        if has_table:
            cursor.execute(APPLIED)
            applied = set(cursor.fetchall())
        missing = len(migrations.unapplied(applied))
        said[MIGRATIONS] = f"{missing} unapplied" if missing else OK
        if settings.DEBUG and (changed := migrations.changed_apps()):  # in development only
            said[MIGRATIONS] = f"not made: {', '.join(changed)}"
        cursor.execute(WRITE)
        said[DISK] = OK
    if missing:
        return  # the tables may not exist yet
    said[MAIL] = "failing" if mail_fails() else OK
    said[WORKER] = OK if any(worker.is_alive for worker in running_workers()) else "none"
    said[SCHEDULER] = OK if alive().exists() else "none"
    said[QUEUE] = "behind" if queue_is_behind() else OK


def _judge(error: Exception, said: dict[str, str]) -> None:
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None) or ""
    if state == DISK_FULL:
        said[DISK] = "full"
    elif isinstance(cause, PoolTimeout | TooManyRequests) and not is_cut_off():
        said[DATABASE] = "pool exhausted"
    elif said[DATABASE] == UNKNOWN or not state or state.startswith(GONE):
        said[DATABASE] = "unreachable"
    with suppress(DatabaseError, InterfaceError):
        connection.close()


def mail_fails() -> bool:
    """Return whether mails fail repeatedly and none has been sent since, using two indexed queries.

    It doesn't contact the mail server: the outbox has the results of the last attempts.
    """
    # Mails that wait after a failure are due last, so they come first here.
    queued = OutgoingMail.objects.queued().order_by("-next_attempt_at")
    tried = Q(attempts__gte=FAILED_TWICE) & ~Q(last_error="")
    failed_at = queued[:MAILS_LOOKED_AT].aggregate(at=Max("updated_at", filter=tried))["at"]
    if failed_at is None:
        return False
    newest = OutgoingMail.objects.filter(state=MailState.SENT).order_by("-created_at").values("sent_at")
    sent_at = newest[:MAILS_LOOKED_AT].aggregate(at=Max("sent_at"))["at"]
    return sent_at is None or sent_at < failed_at


def oldest_due() -> timedelta:
    """Return how long the longest waiting task has been due, or an empty timedelta, using one query."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"limit": COUNTED + 1})
        since = [oldest for _name, _waiting, oldest in cursor.fetchall() if oldest is not None]
    return timezone.now() - min(since) if since else timedelta()


def queue_is_behind() -> bool:
    """Return whether a task has been due for longer than the option `queue_behind_after`."""
    return oldest_due() > options().queue_behind_after
