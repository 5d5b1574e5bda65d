"""Hints at migrations that were not created or not applied."""

import logging
from collections.abc import Callable

from django.db import DatabaseError, ProgrammingError
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext
from psycopg.errors import UndefinedColumn, UndefinedTable

from keystone.database.migration_status import branch_statuses
from keystone.exceptions import Refusal
from keystone.monitoring.health.migrations import changed_apps

logger = logging.getLogger(__name__)


def schema_hint() -> str:
    """Return a sentence for each thing to do; empty if the database matches the models."""
    text = gettext(
        "The models of %(app)s have changed. Run: manage.py db migrate MESSAGE --branch %(app)s; manage.py db upgrade"
    )
    hints = [text % {"app": label} for label in changed_apps()]
    try:
        pending = [f"{one.branch}.{name}" for one in branch_statuses() for name in one.pending]
    except (DatabaseError, Refusal):
        pending = []
    if pending:
        text = gettext("Migrations are not applied: %(names)s. Run: manage.py db upgrade")
        hints.append(text % {"names": ", ".join(pending)})
    return "\n".join(hints)


def hint_for(error: Exception) -> str:
    """Return the hint if the error is about a missing table or column; otherwise an empty string."""
    return schema_hint() if isinstance(error.__cause__, UndefinedColumn | UndefinedTable) else ""


class SchemaHintMiddleware:
    """Middleware that adds the hint to errors about missing tables or columns, on the error page and in the log."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Add the hint to the exception. The response is Django's."""
        if isinstance(exception, ProgrammingError) and (hint := hint_for(exception)):
            exception.add_note(hint)
            logger.error(hint)
