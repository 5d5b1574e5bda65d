"""The line of a request. Servers' own access logs are silent: they know nothing of the request's id."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import LazyObject, empty

from keystone.observability.logs.request_secrets import noting

logger = logging.getLogger(__name__)


class AccessLogMiddleware:
    """Logs one line for each request: method, path, status, milliseconds. Query values are not logged."""

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
    """The id of whoever asked, where the request looked that up itself."""
    user = vars(request).get("user")
    if isinstance(user, LazyObject) and user._wrapped is empty:
        return {}
    key = getattr(user, "pk", None)
    return {} if key is None else {"user": str(key)}


class ServerFilter(logging.Filter):
    """For runserver's logger: keeps its lines of requests out, which are ours already, and lets all else pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to keep the record."""
        return not (record.args and getattr(record, "status_code", None) is not None)
