"""Traces by OpenTelemetry. Without a collector's URL and the extra `otel`, all of this does nothing.

`start` is called once in each process, after a fork because the exporter is a thread.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

logger = logging.getLogger(__name__)
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
MISSING = "%s is set, but nothing is traced: the packages of the extra are missing. Run `uv sync --extra otel`. (%s)"


class _Started:
    """The tracer whose spans this process sends."""

    tracer: "Tracer | None" = None


def start(process: str) -> None:
    """Start tracing this process if the settings name a collector.

    Args:
        process: the kind of process: `web`, `worker` or `scheduler`.
    """
    endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT
    if not endpoint or _Started.tracer is not None:
        return
    os.environ.setdefault(ENDPOINT, endpoint)  # the value may come from a file that the SDK doesn't read
    try:
        from keystone.observability.telemetry import tracing
    except ImportError as error:
        logger.warning(MISSING, ENDPOINT, error)
        return
    _Started.tracer = tracing.begin(process)


@contextmanager
def span(name: str) -> Iterator[None]:
    """Trace the block, as a child of the current span if there is one."""
    if _Started.tracer is None:
        yield
        return
    with _Started.tracer.start_as_current_span(name):
        yield


def failed(error: BaseException) -> None:
    """Mark the current span as failed if the exception is handled inside it."""
    if _Started.tracer is None:
        return
    from keystone.observability.telemetry import tracing

    tracing.mark_failed(error)
