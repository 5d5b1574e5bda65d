"""Search and export the audit log."""

import json
from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import Model, Q, QuerySet

from keystone.actors.acting import lock_actor
from keystone.actors.actor import Actor
from keystone.admin.edit_forms import provides_last_change
from keystone.audit.log import event, kind_of, record
from keystone.audit.models import AuditEvent
from keystone.text.spreadsheet import csv_lines

COLUMNS = (
    "id",
    "created_at",
    "action",
    "actor_kind",
    "actor_label",
    "actor_id",
    "target_type",
    "target_id",
    "target_label",
    "reason",
    "note",
    "changes",
    "ip_address",
    "request_id",
)
ROWS_AT_A_TIME = 2_000
PEOPLE_PER_SEARCH = 500

# A loose index scan: one step per action on the index `audit_action`, regardless of the number of events.
ACTIONS = """
WITH RECURSIVE seen(action) AS (
    (SELECT action FROM keystone_auditevent ORDER BY action LIMIT 1)
    UNION ALL
    SELECT (SELECT action FROM keystone_auditevent WHERE action > seen.action ORDER BY action LIMIT 1)
    FROM seen WHERE seen.action IS NOT NULL
)
SELECT action FROM seen WHERE action IS NOT NULL
"""


def recorded_actions() -> list[str]:
    """Return the actions that occur in the log, in alphabetical order."""
    with connection.cursor() as cursor:
        cursor.execute(ACTIONS)
        return [row[0] for row in cursor.fetchall()]


def search_events(queryset: QuerySet[AuditEvent], text: str) -> QuerySet[AuditEvent]:
    """Return the events of a request, or by or about people with a word in their name or email address that begins so.

    Both use indexes: the log's for the request and the people's primary keys, the people's for their words.

    Args:
        text: a request id, or the beginning of a word; an empty one returns all events.
    """
    text = text.strip()
    if not text:
        return queryset
    people = list(get_user_model()._default_manager.search(text).values_list("pk", flat=True)[:PEOPLE_PER_SEARCH])
    found = Q(request_id=text) & ~Q(request_id="")
    if people:
        found |= Q(actor__in=people) | Q(target_type="user", target_id__in=[str(key) for key in people])
    return queryset.filter(found)


@provides_last_change
def last_change(target: Model, field: str) -> str:
    """Return who changed this field of a row last; empty if unknown."""
    events = AuditEvent.objects.filter(target_type=kind_of(target), target_id=str(target.pk), changes__has_key=field)
    found = events.order_by("-created_at", "-id").first()
    return found.actor_label if found else ""


def stream_audit_csv(queryset: QuerySet[AuditEvent]) -> Iterator[str]:
    """Yield the lines of a CSV file of the events, in the queryset's order, using limited memory."""
    rows: Iterator[tuple[Any, ...]] = queryset.values_list(*COLUMNS).iterator(chunk_size=ROWS_AT_A_TIME)
    place = COLUMNS.index("changes")
    cells = (
        (*row[:place], json.dumps(row[place], ensure_ascii=False) if row[place] else "", *row[place + 1 :])
        for row in rows
    )
    return csv_lines(COLUMNS, cells)


@transaction.atomic
def record_audit_export(*, by: Actor, filters: str = "") -> None:
    """Record an export of the log.

    Args:
        by: the actor who exports it.
        filters: the query string of the exported list.
    """
    lock_actor(by)
    record([event("audit.exported", by.user, by=by, changes={"filters": [None, filters]} if filters else None)])
