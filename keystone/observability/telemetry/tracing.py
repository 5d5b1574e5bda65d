"""Setup of OpenTelemetry's SDK: what is traced, the service's name, and the exporter."""

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

# Earlier middleware adds headers, or responds to requests that need no span: files, redirects, `/metrics`.
FIRST_TRACED = "keystone.sign_in.browser_middleware.SessionMiddleware"
PROBES = "api/health/"


def begin(process: str, exporter: SpanExporter | None = None) -> Tracer:
    """Start tracing requests, SQL statements and Redis commands.

    Args:
        process: the kind of process. The service's name is `keystone-<process>` unless OTEL_SERVICE_NAME is set.
        exporter: None for OTLP over HTTP, configured by OpenTelemetry's variables.
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
    """Set the current span's status to the exception's name. Its text is only logged."""
    trace.get_current_span().set_status(Status(StatusCode.ERROR, type(error).__name__))
