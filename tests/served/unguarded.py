"""The application without its row locks: the control that shows that the race tests can fail."""

import time
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.db.models import QuerySet

application = get_wsgi_application()


def no_lock(self: QuerySet[Any], **options: Any) -> QuerySet[Any]:
    """Instead of locking, give the others time to read the same row."""
    time.sleep(0.02)
    return self


QuerySet.select_for_update = no_lock  # type: ignore[method-assign,assignment]  # that is the point
