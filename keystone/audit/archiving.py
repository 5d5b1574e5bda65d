"""Archive the audit log: write a finished month to a file and delete it from the table.

The file contains exactly what was deleted, because its lines come from the DELETE statement itself. The log keeps an
event with the file's SHA-256, so that changes to an archive can be detected. A trigger allows deleting only the month
that is being archived.
"""

import gzip
import hashlib
import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.actors.actor import Actor
from keystone.audit.log import record
from keystone.audit.models import AuditEvent
from keystone.audit.reading import COLUMNS
from keystone.caching.versions import changed
from keystone.exceptions import Refusal

ROWS_AT_A_TIME = 2_000
MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
# In primary key order, a limited number at a time. It returns the deleted rows.
TAKE = f"""
WITH taken AS (
    DELETE FROM keystone_auditevent WHERE id IN (
        SELECT id FROM keystone_auditevent WHERE created_at >= %s AND created_at < %s ORDER BY id LIMIT {ROWS_AT_A_TIME}
    ) RETURNING {", ".join(COLUMNS)}
)
SELECT {", ".join(COLUMNS)} FROM taken ORDER BY id
"""  # noqa: S608 - built from constants


class MonthRefused(Refusal):
    """The month is invalid or not over yet."""

    code = "invalid"
    status: ClassVar[int] = 400
    message: ClassVar[str | Promise] = _("Give a month that is over, such as 2026-09.")


class OlderFirst(Refusal):
    """The log has older events. Months are archived in order, so that the log has no gaps."""

    code = "older_first"


class NoSuchFolder(Refusal):
    """The folder for the file does not exist."""

    code = "not_found"
    status: ClassVar[int] = 404


class AlreadyThere(Refusal):
    """The file exists. An archive is never overwritten."""

    code = "already_there"


@dataclass(frozen=True)
class Archived:
    """An archived month.

    Attributes:
        sha256: the digest of the file, as `sha256sum` prints it.
    """

    month: str
    file: Path
    events: int
    sha256: str


def archive_month(month: str, *, folder: Path, by: Actor) -> Archived:
    """Move the events of a month from the log to `<folder>/audit-<month>.jsonl.gz`. All or nothing.

    The file is complete and written to disk before the deletion is committed.

    Args:
        month: the oldest month in the log, in UTC, such as `2026-09`.

    Raises:
        MonthRefused: it is not a month that is over.
        OlderFirst: the log has older events.
        NoSuchFolder: `folder` does not exist.
        AlreadyThere: the file exists.
    """
    begin, end = _bounds(month)
    if not folder.is_dir():
        raise NoSuchFolder(gettext("There is no folder %(folder)s.") % {"folder": folder})
    file = folder / f"audit-{month}.jsonl.gz"
    if file.exists():
        raise AlreadyThere(gettext("%(file)s already exists.") % {"file": file})
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)  # left by an attempt that was killed; its transaction was rolled back
    try:
        with transaction.atomic(durable=True):
            _refuse_gap(begin)
            events = _write(part, month, begin, end)
            with part.open("rb") as written:
                digest = hashlib.file_digest(written, "sha256").hexdigest()
            record([_event(month, events, digest, by=by)])
            part.rename(file)
    except Refusal:
        raise
    except Exception as error:
        part.unlink(missing_ok=True)
        error.add_note(f"If {file} exists and the log has no event `audit.archived` of {month}, remove the file.")
        raise
    return Archived(month, file, events, digest)


def _bounds(month: str) -> tuple[datetime, datetime]:
    found = MONTH.fullmatch(month)
    if found is None:
        raise MonthRefused
    year, number = int(found[1]), int(found[2])
    try:
        begin = datetime(year, number, 1, tzinfo=UTC)
        end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    except ValueError:
        raise MonthRefused from None
    if end > timezone.now():
        raise MonthRefused
    return begin, end


def _refuse_gap(begin: datetime) -> None:
    oldest = AuditEvent.objects.order_by("created_at").values_list("created_at", flat=True).first()
    if oldest is not None and oldest < begin:
        month = oldest.astimezone(UTC).strftime("%Y-%m")
        raise OlderFirst(gettext("The log has older events: archive %(month)s first.") % {"month": month})


def _write(file: Path, month: str, begin: datetime, end: datetime) -> int:
    """Delete the month, write each row as a line of JSON, and return the number of rows."""
    count = 0
    file.touch(mode=0o600, exist_ok=False)
    with file.open("wb") as raw, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('keystone.archiving', %s, true)", [month])
        with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as packed:
            while True:
                cursor.execute(TAKE, [begin, end])
                rows = cursor.fetchall()
                for row in rows:
                    packed.write(_line(row))
                count += len(rows)
                if len(rows) < ROWS_AT_A_TIME:
                    break
        cursor.execute("SELECT set_config('keystone.archiving', '', true)")
        raw.flush()
        os.fsync(raw.fileno())
    changed(AuditEvent)
    return count


def _line(row: tuple[Any, ...]) -> bytes:
    values = dict(zip(COLUMNS, row, strict=True))
    if isinstance(values["changes"], str):  # Django's cursors return JSON as text
        values["changes"] = json.loads(values["changes"])
    return json.dumps(values, cls=DjangoJSONEncoder, ensure_ascii=False).encode() + b"\n"


def _event(month: str, events: int, digest: str, *, by: Actor) -> AuditEvent:
    return AuditEvent(
        actor_kind=by.kind,
        actor_label=by.label[:320],
        action="audit.archived",
        target_type="auditlog",
        target_id=month,
        target_label=month,
        changes={"events": [events, 0], "sha256": [None, digest]},
    )
