"""Health, metrics and traces: see docs/monitoring.md."""

from datetime import timedelta

from keystone.environment import env

MONITORING: dict[str, object] = {
    "QUEUE_BEHIND_AFTER": timedelta(seconds=env.number("QUEUE_BEHIND_SECONDS", 300, minimum=1)),
    "METRICS_TOKEN": env.line("METRICS_TOKEN", ""),
}
# Where traces go, by OTLP over HTTP. What else OpenTelemetry's own variables say, its SDK reads by itself.
OTEL_EXPORTER_OTLP_ENDPOINT = env.url("OTEL_EXPORTER_OTLP_ENDPOINT", "")
