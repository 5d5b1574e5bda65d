"""The counts of each web process: its requests and its database connection pool.

If `PROMETHEUS_MULTIPROC_DIR` is set, which the library reads when it is imported, each process counts in its own files
in that folder, and the process that is scraped returns the sums.
"""

import threading
from typing import Any

from django.core.signals import request_finished
from django.http import HttpRequest
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from keystone.monitoring.health.pool import pool_figures

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds

disable_created_metrics()  # type: ignore[no-untyped-call]  # an extra unused series for each one
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
    """Return the method, or `OTHER` for an unknown one: otherwise clients could create any number of series."""
    method = str(request.method)
    return method if method in METHODS else "OTHER"


def route_of(request: HttpRequest) -> str:
    """Return the name of the route, never the path, which may contain ids and tokens."""
    match = request.resolver_match
    return match.view_name if match is not None else "unmatched"


def count_pool(**_: Any) -> None:
    """Update the metrics of the connection pool with its current state and the events since the last call."""
    figures = pool_figures()
    with _telling:
        for name, gauge in _GAUGES.items():
            gauge.set(figures.get(name, 0))
        for name, (counter, unit) in _COUNTERS.items():
            more = figures.get(name, 0) - _told.get(name, 0)
            if more > 0:
                counter.inc(more * unit)
            _told[name] = figures.get(name, 0)


# After each request, when its connection is back in the pool: other processes may report these values.
request_finished.connect(count_pool, dispatch_uid="keystone.monitoring.metrics.pool")
