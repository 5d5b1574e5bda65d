"""What each web process counts by itself: its requests, and its pool of database connections.

With `PROMETHEUS_MULTIPROC_DIR` set, which the library reads when it is imported, each process counts in files of its
own there, and whichever is asked tells the sum.
"""

import threading
from typing import Any

from django.core.signals import request_finished
from django.http import HttpRequest
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from keystone.monitoring.health.pool import pool_figures

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each one, which nobody looks at
REQUESTS = Counter("keystone_http_requests_total", "Requests that were answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "keystone_http_request_duration_seconds", "How long answers took.", ["method", "route"], buckets=BUCKETS
)
IN_FLIGHT = Gauge(
    "keystone_http_requests_in_flight", "Requests that are being answered now.", multiprocess_mode="livesum"
)
POOL_SIZE = Gauge("keystone_database_pool_connections", "Connections that the pools hold.", multiprocess_mode="livesum")
POOL_AVAILABLE = Gauge(
    "keystone_database_pool_available", "Those of them that nobody uses.", multiprocess_mode="livesum"
)
POOL_WAITING = Gauge(
    "keystone_database_pool_waiting", "Callers that wait for a connection.", multiprocess_mode="livesum"
)
POOL_QUEUED = Counter("keystone_database_pool_queued_total", "Callers that had to wait for a connection.")
POOL_TIMEOUTS = Counter("keystone_database_pool_timeouts_total", "Callers that got no connection in time.")
POOL_WAIT_SECONDS = Counter("keystone_database_pool_wait_seconds_total", "How long callers waited for connections.")

_GAUGES = {"pool_size": POOL_SIZE, "pool_available": POOL_AVAILABLE, "requests_waiting": POOL_WAITING}
_COUNTERS = {
    "requests_queued": (POOL_QUEUED, 1.0),
    "requests_errors": (POOL_TIMEOUTS, 1.0),
    "requests_wait_ms": (POOL_WAIT_SECONDS, 0.001),
}
_told: dict[str, int] = {}
_telling = threading.Lock()


def method_of(request: HttpRequest) -> str:
    """The method, or `OTHER`: anybody can make one up, and each would be a series of its own."""
    method = str(request.method)
    return method if method in METHODS else "OTHER"


def route_of(request: HttpRequest) -> str:
    """The name of the route, never the path: that may hold ids, and tokens of links."""
    match = request.resolver_match
    return match.view_name if match is not None else "unmatched"


def count_pool(**_: Any) -> None:
    """Note how the pool stands, and what happened in it since the last time."""
    figures = pool_figures()
    with _telling:
        for name, gauge in _GAUGES.items():
            gauge.set(figures.get(name, 0))
        for name, (counter, unit) in _COUNTERS.items():
            more = figures.get(name, 0) - _told.get(name, 0)
            if more > 0:
                counter.inc(more * unit)
            _told[name] = figures.get(name, 0)


# After each request, when its connection is back in the pool: other processes tell what was noted here.
request_finished.connect(count_pool, dispatch_uid="keystone.monitoring.metrics.pool")
