"""Delete many rows in batches: no long lock, no long transaction, bounded memory."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

ROWS = 2_000  # in one transaction


def delete_in_chunks(rows: QuerySet[Any], *, size: int = ROWS) -> int:
    """Delete the rows that are selected, in short transactions. Call it outside one.

    A row that somebody holds at this moment is left for the next time; what is being changed so that it is not
    selected any more is kept. Two callers at once share the work.

    Args:
        rows: what is to go, with the conditions that make it superfluous.
        size: how many in one transaction.

    Returns:
        How many of these rows were deleted, without what hung on them.
    """
    model: Any = rows.model
    deleted: int = 0
    while True:
        with transaction.atomic():
            # Locked before they are deleted, so that the conditions are those of the newest version of each row.
            chosen = rows.order_by().select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)
            keys = list(chosen[:size])
            deleted += model._base_manager.filter(pk__in=keys).delete()[1].get(model._meta.label, 0)
        if len(keys) < size:
            return deleted
