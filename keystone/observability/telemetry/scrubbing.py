"""Remove secrets and personal data from spans. They contain less than the log."""

from collections.abc import Mapping

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status
from opentelemetry.util.types import Attributes, AttributeValue

from keystone.observability.logs.key_value_masking import MASK, is_secret_name
from keystone.observability.logs.masking import masked

# The client: only the log contains it.
LEFT_OUT = frozenset(
    {
        *("client.address", "client.port", "enduser.id", "http.client_ip", "net.peer.ip", "net.peer.port"),
        *("network.peer.address", "network.peer.port", "url.query", "db.user", "db.statement.parameters"),
        # Headers are sent if one of OpenTelemetry's variables names them.
        *(f"http.request.header.{name}" for name in ("forwarded", "x_forwarded_for", "x_real_ip")),
    }
)
# URLs, sent without their query.
ADDRESSES = frozenset({"http.target", "http.url", "url.full", "url.path", "http.request.header.referer"})
EXCEPTION_TYPE = "exception.type"  # all that is sent about an exception: its text may quote rows


class ScrubbingProcessor(BatchSpanProcessor):
    """A processor that sends spans in batches from a thread, after `scrubbed()`.

    Spans are scrubbed when they end, not when they are sent, because the current request's secrets are known then.
    """

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span. Client spans without a parent are dropped, such as when a worker polls for tasks."""
        if span.kind is SpanKind.CLIENT and span.parent is None:
            return
        super().on_end(scrubbed(span))


def scrubbed(span: ReadableSpan) -> ReadableSpan:
    """Return the span without secrets, client addresses and exception texts."""
    description = span.status.description
    return ReadableSpan(
        name=masked(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes),
        events=[_event(event) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, description.partition(":")[0] if description else None),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _event(event: Event) -> Event:
    attributes = _attributes(event.attributes)
    if "exception.message" in attributes or EXCEPTION_TYPE in attributes:
        attributes = {name: value for name, value in attributes.items() if name == EXCEPTION_TYPE}
    return Event(event.name, attributes, event.timestamp)


def _attributes(given: Attributes) -> Mapping[str, AttributeValue]:
    return {name: _value(name, value) for name, value in (given or {}).items() if name not in LEFT_OUT}


def _value(name: str, value: AttributeValue) -> AttributeValue:
    if isinstance(value, str):
        if is_secret_name(name):
            return MASK
        return masked(value.partition("?")[0] if name in ADDRESSES else value)
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [str(_value(name, str(part))) for part in value]
    return MASK if is_secret_name(name) else masked(str(value))
