"""The URL that Prometheus scrapes: its authentication and its content."""

import os
from functools import cache
from hmac import compare_digest

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from keystone.conf import options
from keystone.monitoring.metrics.collecting import DatabaseCollector
from keystone.monitoring.metrics.folder import VARIABLE, forget_the_dead
from keystone.monitoring.metrics.requests import count_pool

PATH = "/metrics"


def is_exposed() -> bool:
    """Return whether the URL exists: if a token is set, or in development."""
    return bool(options().metrics_token) or settings.ENVIRONMENT == "local"


def answer(request: HttpRequest) -> HttpResponse:
    """Return all metrics in Prometheus' text format; 401 without the token."""
    if request.method not in {"GET", "HEAD"}:
        response = HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    elif not _is_known(request):
        response = HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
    else:
        response = HttpResponse(exposition(), content_type=CONTENT_TYPE_PLAIN_0_0_4)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def exposition() -> bytes:
    """Return the counts of all processes and the metrics from the database."""
    count_pool()
    if folder := os.environ.get(VARIABLE):
        forget_the_dead(folder)
    return generate_latest(_counted(folder or "")) + generate_latest(_told())


def _is_known(request: HttpRequest) -> bool:
    token = options().metrics_token
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    is_right = compare_digest(given.strip().encode("utf-8", "surrogateescape"), token.encode())
    return not token or (scheme.lower() == "bearer" and is_right)


@cache
def _counted(folder: str) -> CollectorRegistry:
    """Return the registry of this process's counts, or of all processes that share the folder."""
    if not folder:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]  # the library has no types here
    return registry


@cache
def _told() -> CollectorRegistry:
    """Return the registry of metrics from the database, which are the same for all processes and not summed."""
    registry = CollectorRegistry()
    registry.register(DatabaseCollector())
    return registry
