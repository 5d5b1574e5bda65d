"""Deployment checks of the database: it answers, accepts writes, has the right time and is fully migrated."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core import checks
from django.db import DatabaseError, InterfaceError, connection
from django.utils.translation import gettext, ngettext

from keystone.database.branches import branches, loaded
from keystone.database.server import NoAnswer, ask
from keystone.text.listing import first_few

OLDEST_SERVER = 15
TIMEOUT = 5.0  # seconds
CLOCKS_APART = 2.0  # seconds

Check = Callable[..., list[checks.CheckMessage]]


def check_rows(check: Callable[[], Iterator[checks.CheckMessage]]) -> Check:
    """Register a deployment check that reads model rows.

    It reports nothing if the rows cannot be read: the checks in this module report the reason.
    """

    def read(**_: Any) -> list[checks.CheckMessage]:
        try:
            return list(check())
        except (DatabaseError, InterfaceError):
            return []

    read.__name__, read.__doc__ = check.__name__, check.__doc__
    registered: Check = checks.register(checks.Tags.database, deploy=True)(read)
    return registered


@checks.register(checks.Tags.database, deploy=True)
def check_database(**_: Any) -> list[checks.CheckMessage]:
    """Return the messages E060 to E062, E064, W063 and W065."""
    try:
        return [*_server_faults(), *_migration_faults()]
    except NoAnswer as refusal:
        hint = gettext("Start it, or correct DATABASE_URL or POSTGRES_*.")
        return [checks.Error(refusal.detail, hint=hint, id="keystone.E060")]


def _server_faults() -> Iterator[checks.CheckMessage]:
    answer = ask(timeout=TIMEOUT)
    if int(answer.version.partition(".")[0]) < OLDEST_SERVER:
        text = gettext("The server is PostgreSQL %(version)s; Keystone needs %(oldest)s or newer.")
        yield checks.Error(text % {"version": answer.version, "oldest": OLDEST_SERVER}, id="keystone.E061")
    if answer.standby or answer.read_only:
        text = gettext("The database is read-only: it is a standby, or set to be read-only.")
        yield checks.Error(text, hint=gettext("Use the primary server."), id="keystone.E062")
    apart = _clocks_apart()
    if apart > CLOCKS_APART:
        text = gettext("The clocks of this machine and of the database are %(seconds).1f s apart.")
        hint = gettext("Synchronize both with a time server: links, codes and tokens depend on the time.")
        yield checks.Warning(text % {"seconds": apart}, hint=hint, id="keystone.W063")


def _clocks_apart() -> float:
    """Return the difference between the two clocks in seconds, not counting the duration of the query."""
    with connection.cursor() as cursor:
        before = datetime.now(UTC)
        cursor.execute("SELECT clock_timestamp()")
        [theirs] = cursor.fetchone()
        after = datetime.now(UTC)
    apart: timedelta = max(before - theirs, theirs - after, timedelta(0))
    return apart.total_seconds()


def _migration_faults() -> Iterator[checks.CheckMessage]:
    loader = loaded()
    pending = [f"{branch.label}.{name}" for branch in branches(loader) for name in branch.pending]
    if pending:
        text = ngettext(
            "%(count)d migration is not applied: %(some)s",
            "%(count)d migrations are not applied: %(some)s",
            len(pending),
        )
        hint = gettext("Run manage.py db upgrade, or manage.py server prestart.")
        yield checks.Error(text % {"count": len(pending), "some": first_few(pending)}, hint=hint, id="keystone.E064")
    replaced = {key for migration in loader.disk_migrations.values() for key in migration.replaces}
    known = {*loader.disk_migrations, *replaced}
    newer = sorted(key for key in loader.applied_migrations if key[0] in loader.migrated_apps and key not in known)
    if newer:
        text = gettext("The database has migrations that this code does not have: %(some)s")
        hint = gettext("Run the newer code, or undo them with it.")
        some = first_few([".".join(key) for key in newer])
        yield checks.Warning(text % {"some": some}, hint=hint, id="keystone.W065")
