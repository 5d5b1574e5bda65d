"""The access log. Servers' access logs are turned off, because they don't have the request's id."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import LazyObject, empty

from keystone.observability.logs.request_secrets import noting

logger = logging.getLogger(__name__)


class AccessLogMiddleware:
    """Middleware that logs each request: method, path, status, milliseconds. Query values are not logged."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        start = time.perf_counter()
        with noting(request):
            response = self.get_response(request)
            ms = round((time.perf_counter() - start) * 1000)
            said = {"method": request.method, "path": request.path, "status": response.status_code, "ms": ms}
            said |= _person(request)
            logger.info("%s %s %d %d ms", request.method, request.path, response.status_code, ms, extra=said)
        return response


def _person(request: HttpRequest) -> dict[str, Any]:
    """Return the user's id, if the request has loaded the user."""
    user = vars(request).get("user")
    if isinstance(user, LazyObject) and user._wrapped is empty:
        return {}
    key = getattr(user, "pk", None)
    return {} if key is None else {"user": str(key)}


class ServerFilter(logging.Filter):
    """A filter for runserver's logger that drops its request lines, which the access log has already."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to keep the record."""
        return not (record.args and getattr(record, "status_code", None) is not None)
