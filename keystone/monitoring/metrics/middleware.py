"""Middleware that counts requests and serves `/metrics`."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from keystone.monitoring.metrics.exposing import PATH, answer, is_exposed
from keystone.monitoring.metrics.requests import IN_FLIGHT, REQUESTS, SECONDS, method_of, route_of


class MetricsMiddleware:
    """Middleware that counts requests and their duration by method, route and status. It comes first, to see them all.

    It serves `/metrics` itself. Prometheus reaches each process by its own address over plain HTTP, which the later
    checks of the host and of TLS would refuse.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info == PATH and is_exposed():
            return answer(request)
        start = time.perf_counter()
        IN_FLIGHT.inc()
        try:
            response = self.get_response(request)
        finally:
            IN_FLIGHT.dec()
        method, route = method_of(request), route_of(request)
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        SECONDS.labels(method, route).observe(time.perf_counter() - start)
        return response
