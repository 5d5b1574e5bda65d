"""Restore a backup into a new database, which replaces the old one when it is complete."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import psycopg
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from psycopg import errors

from keystone.caching.versions import changed
from keystone.database.backup.checking import Plan
from keystone.database.backup.filling import fill
from keystone.database.backup.finding import BEFORE, RESTORING, left_on, shortened
from keystone.database.backup.places import drop, make, place
from keystone.database.backup.progress import Progress
from keystone.database.backup.server import close_usual, errors_told
from keystone.database.backup.swapping import swap
from keystone.exceptions import Refusal

logger = logging.getLogger(__name__)
PATIENCE = "3s"
UNFINISHED = "Keystone: a restore that is not finished. The next one drops this database."


class AlreadyRestoring(Refusal):
    """Another restore of this database is running."""

    code = "already_restoring"
    message: ClassVar[str | Promise] = _("Another restore of this database is running.")


@dataclass(frozen=True)
class Restored:
    """The result of a restore.

    Attributes:
        aside: the new name of the database that was in service; None if there was none, or it was dropped.
        removed: unfinished databases of killed restores that were dropped.
    """

    database: str
    aside: str | None
    rows: int
    pending: int
    removed: list[str]


def restore(plan: Plan, *, jobs: int = 1, drop_old: bool = False, progress: Progress) -> Restored:
    """Restore a backup that has passed `checking.check`. The old database stays in service until the last moment.

    Args:
        jobs: number of connections of pg_restore.
        drop_old: drop the old database at the end, instead of keeping it under another name.

    Raises:
        AlreadyRestoring: another restore of this database is running.
        ProgramFailed, NotWhole, InUse, ServerRefuses: the restore failed; nothing has changed.
    """
    name = plan.address.name
    with errors_told(), plan.address.connect_beside() as connection, _alone(connection, name):
        removed = _remove_unfinished(connection, name)
        new, aside = _free_names(connection, name)
        try:
            make(connection, new, like=plan.place, comment=UNFINISHED)
            fill(plan, new, jobs=jobs, progress=progress)
            close_usual()
            swap(plan.address, new=new, old=plan.place, aside=aside)
        except BaseException:
            # Our own connection may be broken. If the server does not answer, the next restore drops the database.
            with suppress(psycopg.Error), plan.address.connect_beside() as another:
                drop(another, new)
            raise
        changed()  # invalidate all cached values of the old database
        logger.info("the database %s was restored from %s", name, plan.backup.path)
        if plan.place is not None and drop_old:
            drop(connection, aside)
    kept = aside if plan.place is not None and not drop_old else None
    return Restored(name, kept, plan.manifest.rows, plan.pending, removed)


@contextmanager
def _alone(connection: psycopg.Connection[Any], name: str) -> Iterator[None]:
    """Hold the lock for restores of a database, until the connection is closed or this process ends.

    The lock of a killed restore is released when its connection ends, so wait a moment for it.
    """
    connection.execute(f"SET lock_timeout = '{PATIENCE}'")
    try:
        connection.execute("SELECT pg_advisory_lock(hashtext('keystone restore'), hashtext(%s))", [name])
    except errors.LockNotAvailable:
        raise AlreadyRestoring from None
    connection.execute("SET lock_timeout = 0")
    yield


def _free_names(connection: psycopg.Connection[Any], name: str) -> tuple[str, str]:
    """Return unused names with a timestamp for the new database and the old one."""
    while True:
        stamp = timezone.now().strftime("%Y%m%d%H%M%S")
        new, aside = f"{shortened(name)}{RESTORING}{stamp}", f"{shortened(name)}{BEFORE}{stamp}"
        if place(connection, new) is None and place(connection, aside) is None:
            return new, aside
        time.sleep(0.1)


def _remove_unfinished(connection: psycopg.Connection[Any], name: str) -> list[str]:
    """Drop the databases that killed restores have left, which are recognized by their comment.

    The lock ensures that no other restore is running.
    """
    removed = []
    for left in left_on(connection, name):
        found = place(connection, left.name)
        if left.kind == "unfinished" and found is not None and found.comment == UNFINISHED:
            drop(connection, left.name)
            removed.append(left.name)
    return removed
