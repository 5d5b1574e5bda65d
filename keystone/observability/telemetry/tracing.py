"""OpenTelemetry's SDK, set up: what is traced, under which name, and where it goes."""

import os

from django.conf import settings
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.trace import Status, StatusCode, Tracer

from keystone.observability.telemetry.scrubbing import ScrubbingProcessor

# Before it come those that give headers, and those that answer what is not worth a span: files, redirects, `/metrics`.
FIRST_TRACED = "django.contrib.sessions.middleware.SessionMiddleware"
PROBES = "api/health/"


def begin(process: str, exporter: SpanExporter | None = None) -> Tracer:
    """Trace requests, statements and calls of Redis.

    Args:
        process: what this process is; `keystone-<process>` is the service's name unless OTEL_SERVICE_NAME says another.
        exporter: None for OTLP over HTTP, as its variables say.
    """
    attributes = {"deployment.environment.name": settings.ENVIRONMENT}
    if not os.environ.get("OTEL_SERVICE_NAME"):
        attributes[SERVICE_NAME] = f"keystone-{process}"
    if settings.SENTRY_RELEASE:
        attributes[SERVICE_VERSION] = settings.SENTRY_RELEASE
    provider = TracerProvider(resource=Resource.create(attributes))
    provider.add_span_processor(ScrubbingProcessor(exporter or OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    position = settings.MIDDLEWARE.index(FIRST_TRACED) if FIRST_TRACED in settings.MIDDLEWARE else 0
    DjangoInstrumentor().instrument(tracer_provider=provider, excluded_urls=PROBES, middleware_position=position)
    PsycopgInstrumentor().instrument(tracer_provider=provider)
    RedisInstrumentor().instrument(tracer_provider=provider)
    return provider.get_tracer("keystone")


def mark_failed(error: BaseException) -> None:
    """Give the running span the exception's name; what it says is the log's business."""
    trace.get_current_span().set_status(Status(StatusCode.ERROR, type(error).__name__))
