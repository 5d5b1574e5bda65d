"""Export users as CSV, for the admin and the API."""

from collections.abc import Iterator

from django.db import transaction
from django.db.models import QuerySet

from keystone.accounts.models import User
from keystone.actors.acting import lock_actor
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.text.spreadsheet import csv_lines

COLUMNS = (
    "id",
    "email",
    "first_name",
    "last_name",
    "status",
    "status_changed_at",
    "status_reason",
    "approval_flow",
    "email_verified_at",
    "awaiting_since",
    "decided_at",
    "rejection_count",
    "suspended_until",
    "access_ends_at",
    "is_staff",
    "is_superuser",
    "created_at",
    "last_login",
)
ROWS_AT_A_TIME = 2_000


def stream_people_csv(queryset: QuerySet[User]) -> Iterator[str]:
    """Return the lines of the CSV file of these people, in the queryset's order.

    They are read through a server-side cursor, so that memory stays bounded. Cells that a spreadsheet would treat as a
    formula are escaped.
    """
    rows = queryset.values_list(*COLUMNS).iterator(chunk_size=ROWS_AT_A_TIME)
    return csv_lines(COLUMNS, rows)


@transaction.atomic
def record_people_export(*, by: Actor, filters: str = "") -> None:
    """Record in the audit log that `by` exported people.

    Args:
        by: who exports; a person or an administrator, under whose name it is recorded.
        filters: the selection, as the query string of the list.
    """
    lock_actor(by)
    record([event("users.exported", by.user, by=by, changes={"filters": [None, filters]} if filters else None)])
