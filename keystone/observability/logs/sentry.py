"""Send errors to Sentry, with the same masking as the log."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import sentry_sdk
from django.conf import settings
from sentry_sdk.integrations.argv import ArgvIntegration
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger

from keystone.observability.logs.context import current_log_context
from keystone.observability.logs.masking import masked_data
from keystone.observability.origin import current_origin

if TYPE_CHECKING:
    from sentry_sdk.types import Breadcrumb, BreadcrumbHint, Event, Hint

# The only headers that are sent: they help to understand an error and contain no credentials.
HEADERS = frozenset({"accept", "accept-language", "content-length", "content-type", "host", "user-agent"})
ENOUGH = frozenset({"modules", "sdk"})  # names and versions of packages: large and without secrets


def start() -> None:
    """Start sending this process's errors to SENTRY_DSN. Traces are off by default."""
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        environment=settings.SENTRY_ENVIRONMENT,
        release=settings.SENTRY_RELEASE or None,
        traces_sample_rate=settings.SENTRY_TRACES_SAMPLE_RATE or None,
        include_local_variables=False,
        send_default_pii=False,
        max_request_body_size="never",
        auto_enabling_integrations=False,  # Redis, httpx and loguru would send too much, or everything twice
        integrations=[
            DjangoIntegration(signals_spans=False),
            LoggingIntegration(),  # logged errors, once each: loguru's records come from `logging`
            AtexitIntegration(callback=lambda _pending, _timeout: None),  # it would write to stderr
        ],
        disabled_integrations=[ArgvIntegration()],  # a command line may contain a password
        propagate_traces=False,  # other services need not know about it
        auto_session_tracking=False,
        enable_metrics=False,
        before_send=scrub,
        before_send_transaction=scrub,
        before_breadcrumb=scrub_breadcrumb,
    )
    ignore_logger("django.security.DisallowedHost")  # internet scanners would use up the quota


def scrub(event: "Event", hint: "Hint") -> "Event":
    """Mask an event's secrets and add the request's id as a tag. If this fails, Sentry's client drops the event."""
    kept = cast("dict[str, Any]", event)
    request = kept.get("request")
    if isinstance(request, Mapping):
        kept["request"] = _request(request)
    (kept.get("extra") or {}).pop("request", None)  # Django's request, whose repr() contains the query
    (kept.get("logentry") or {}).pop("params", None)  # they lack the names in the message
    for values in _exceptions(kept):
        for frame in (values.get("stacktrace") or {}).get("frames") or ():
            frame.pop("vars", None)
    if spans := kept.get("spans"):
        kept["spans"] = [span for span in spans if not str(span.get("op")).startswith("subprocess")]
    tags = {**(kept.get("tags") or {}), **current_log_context()}
    if request_id := current_origin().request_id:
        tags["request_id"] = request_id
    kept["tags"] = tags
    return cast("Event", {name: value if name in ENOUGH else masked_data(value) for name, value in kept.items()})


def _exceptions(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*(event.get("exception") or {}).get("values", []), *(event.get("threads") or {}).get("values", [])]


def _request(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's method, URL and harmless headers, without its body, cookies, query and environment."""
    headers = request.get("headers") or {}
    return {
        "method": request.get("method"),
        "url": str(request.get("url", "")).partition("?")[0],
        "headers": {name: value for name, value in headers.items() if name.lower() in HEADERS},
    }


def scrub_breadcrumb(crumb: "Breadcrumb", hint: "BreadcrumbHint") -> "Breadcrumb | None":
    """Mask the secrets in a breadcrumb. URLs are reduced to the host, because the breach service's path is a hash."""
    if crumb.get("category") == "subprocess":
        return None  # command lines may contain anything
    if crumb.get("category") == "query":
        return crumb  # one per statement, without values: `scrub` masks the few that are sent
    kept = cast("dict[str, Any]", masked_data(crumb))
    data = kept.get("data")
    if isinstance(data, dict) and "url" in data:
        data = {
            name: value for name, value in data.items() if name in ("http.method", "method", "status_code", "reason")
        }
        kept["data"] = {**data, "url": urlsplit(str(crumb["data"]["url"])).netloc.rpartition("@")[2]}
    return kept
