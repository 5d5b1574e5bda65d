"""Requests whose traces in the database are taken away again."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def undone() -> Iterator[None]:
    """Undo whatever the block writes. Inside a test's own transaction; the code under test cannot see it."""
    block = transaction.atomic()
    # As TestCase marks its own: `atomic(durable=True)` of the code under test counts as the outermost all the same.
    block._from_testcase = True  # type: ignore[attr-defined]  # Django's own mark
    with block:
        yield
        transaction.set_rollback(True)
