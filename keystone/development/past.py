"""Act in the past, for sample data only.

The audit log can't be changed, so past events must be saved with a past time. In a block of `at()`, `timezone.now()`
returns the given moment, and so do columns whose default is the database's time. No mails are sent, no tasks are
queued, and on-commit hooks are dropped.
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
    """Run the block as of `moment` (UTC), without notifying anybody.

    It patches the whole process: call it while nothing else runs, as `manage.py dev` does before it serves.

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
    """Drop an on-commit hook."""


def _queue_nothing(jobs: list[Job]) -> list[Job]:
    return jobs
