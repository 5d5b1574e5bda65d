"""Delete many rows in batches: no long lock, no long transaction, bounded memory."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

ROWS = 2_000  # in one transaction


def delete_in_chunks(rows: QuerySet[Any], *, size: int = ROWS) -> int:
    """Delete the selected rows in short transactions. Call this outside a transaction.

    Locked rows are left for the next time. A row that is being changed so that it no longer matches is kept.
    Concurrent callers share the work.

    Args:
        rows: the rows to delete, with the conditions that make them obsolete.
        size: number of rows per transaction.

    Returns:
        The number of these rows that were deleted, without cascaded ones.
    """
    model: Any = rows.model
    deleted: int = 0
    while True:
        with transaction.atomic():
            # Lock before deleting, so that the conditions are checked against the newest version of each row.
            chosen = rows.order_by().select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)
            keys = list(chosen[:size])
            deleted += model._base_manager.filter(pk__in=keys).delete()[1].get(model._meta.label, 0)
        if len(keys) < size:
            return deleted
