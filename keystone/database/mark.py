"""The mark of a server database, which protects it from `reset` in any environment.

The mark is the comment of Django's migrations table. It exists as soon as there are migrations, needs no migration of
its own and survives every downgrade and `flush`. Dumps include it, so a restored copy is protected like the original.
"""

from typing import Any, ClassVar

from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.actors.actor import Actor
from keystone.audit.log import record
from keystone.audit.models import AuditEvent
from keystone.environment.env import SERVERS
from keystone.exceptions import Refusal

_BEGINNING = "keystone: "


class NothingToMark(Refusal):
    """There is no migrations table that could carry the mark."""

    code = "nothing_to_mark"
    message: ClassVar[str | Promise] = _(
        "No migration has been applied to this database yet, so there is nothing to mark."
    )


def mark() -> str | None:
    """Return the mark, such as `production since 2026-11-24T18:20:00+00:00`, or None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT obj_description(to_regclass(%s), 'pg_class')", [_table()])
        [comment] = cursor.fetchone()
    return comment.removeprefix(_BEGINNING) if comment and comment.startswith(_BEGINNING) else None


def set_mark() -> str:
    """Mark the database with the environment of this process. An existing mark stays.

    Returns:
        The mark.

    Raises:
        NothingToMark: the database has no migrations yet.
        ProgrammingError: the migrations table belongs to another role.
    """
    there = mark()
    if there is not None:
        return there
    if not MigrationRecorder(connection).has_table():
        raise NothingToMark
    made = f"{settings.ENVIRONMENT} since {timezone.now().isoformat(timespec='seconds')}"
    _comment(_BEGINNING + made)
    return made


def remove_mark(*, by: Actor) -> None:
    """Remove the mark, so that the database can be reset. The next migration on a server sets it again.

    Args:
        by: who removes it; recorded in the audit log if its table exists.

    Raises:
        ProgrammingError: the migrations table belongs to another role.
    """
    there = mark()
    if there is None:
        return
    with transaction.atomic():
        if AuditEvent._meta.db_table in connection.introspection.table_names():
            name = str(connection.settings_dict["NAME"])
            removed = AuditEvent(
                actor_kind=by.kind,
                actor_label=by.label[:320],
                action="database_mark.removed",
                target_type="database",
                target_id=name[:64],
                target_label=name,
                changes={"mark": [there, None]},
            )
            record([removed])
        _comment(None)


def mark_on_servers(**_signal: Any) -> None:
    """Mark the database after each `migrate` on a server."""
    if settings.ENVIRONMENT in SERVERS:
        set_mark()


def _table() -> str:
    return connection.ops.quote_name(MigrationRecorder.Migration._meta.db_table)


def _comment(text: str | None) -> None:
    written = "NULL" if text is None else "'{}'".format(text.replace("'", "''"))  # COMMENT takes no parameters
    with connection.cursor() as cursor:
        cursor.execute(f"COMMENT ON TABLE {_table()} IS {written}")
