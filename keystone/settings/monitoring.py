"""Health, metrics and traces: see docs/monitoring.md."""

from datetime import timedelta

from keystone.environment import env

MONITORING: dict[str, object] = {
    "QUEUE_BEHIND_AFTER": timedelta(seconds=env.number("QUEUE_BEHIND_SECONDS", 300, minimum=1)),
    "METRICS_TOKEN": env.line("METRICS_TOKEN", ""),
}
# The URL that traces are sent to, by OTLP over HTTP. OpenTelemetry's SDK reads its other variables itself.
OTEL_EXPORTER_OTLP_ENDPOINT = env.url("OTEL_EXPORTER_OTLP_ENDPOINT", "")
