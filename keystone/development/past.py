"""Act in the past, for sample data only.

The audit log cannot be changed, so what is to have happened last week must be written so when it is written. In a
block of `at`, the clock that the verb functions read stands still at a moment, and rows that leave a time to the
database get it as well. Nobody is told of anything: no mail, no signal.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any
from unittest import mock

from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.jobs import Job

from keystone.accounts.models import User
from keystone.accounts.tokens import OneTimeToken
from keystone.audit.models import AuditEvent
from keystone.development.environment import require_no_server
from keystone.mail import outbox


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Run the block as of `moment` (UTC), unnoticed.

    It changes this process's clock: call it where nothing else runs, as `manage.py dev` does before it serves.

    Raises:
        NotLocal: this is staging or production.
    """
    require_no_server()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(timezone, "now", return_value=moment))
        stack.enter_context(mock.patch.object(connection, "on_commit", _forget))
        stack.enter_context(mock.patch.object(outbox, "queue", return_value=[]))
        stack.enter_context(mock.patch.object(app.job_manager, "batch_defer_jobs", _queue_nothing))
        for model in (User, AuditEvent, OneTimeToken):
            field = model._meta.get_field("created_at")
            stack.enter_context(mock.patch.object(field, "get_default", return_value=moment))
        yield


def _forget(*_: Any, **__: Any) -> None:
    """Drop what would have been done after the commit."""


def _queue_nothing(jobs: list[Job]) -> list[Job]:
    """Drop the tasks that would have run."""
    return jobs
