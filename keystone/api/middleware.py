"""Middleware for every request: request id and origin, well-formedness, content security policy."""

import re
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.middleware.csp import ContentSecurityPolicyMiddleware as DjangoContentSecurityPolicyMiddleware
from django.utils.csp import CSP

from keystone.api.client_address import client_address
from keystone.api.errors import bad_request, method_not_allowed, refused
from keystone.conf import options
from keystone.exceptions import RequestRefused
from keystone.observability.origin import ORIGIN_KEY, origin

DEVICE_LENGTH = 300  # characters of the header User-Agent
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestContextMiddleware:
    """Middleware that gives each request an id and returns it in `X-Request-ID`.

    The id is the value of the `X-Request-ID` header if there are trusted proxies (`TRUSTED_PROXIES`), which must set
    it, and is generated otherwise. An id sent by a caller is only logged, as `caller_request_id`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        given = given if REQUEST_ID.fullmatch(given) else ""
        trusted = given if options().trusted_proxies else ""
        request_id = trusted or uuid.uuid4().hex
        address, of_caller = client_address(request), "" if trusted else given
        device = request.headers.get("User-Agent", "")
        if not device.isprintable():
            device = "".join(sign for sign in device if sign.isprintable())
        device = device[:DEVICE_LENGTH]
        with origin(request_id=request_id, ip_address=address, caller_request_id=of_caller, user_agent=device) as known:
            request.META[ORIGIN_KEY] = known
            response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        if request.path_info.startswith("/api/"):
            # The API's responses are for the caller only, and soon out of date.
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class WellFormedMiddleware:
    """Middleware that refuses characters that PostgreSQL can't store: NUL and lone surrogates.

    NUL is refused in the path and the query (`%00`), in headers (RFC 9110, section 5.5) and in cookies, where it is
    encoded as `\\000` between quotes. Bodies are checked by their parsers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not _is_well_formed(request):
            return bad_request(request, BadRequest())
        return self.get_response(request)


def _is_well_formed(request: HttpRequest) -> bool:
    query = request.META.get("QUERY_STRING", "")
    text = "".join((request.path_info, query, *request.headers.values(), *request.COOKIES.values()))
    if "%00" in query or "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class RefusalMiddleware:
    """Middleware that turns a refusal raised by a view outside DRF into a response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed):
            return method_not_allowed(request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the response to a refusal; None for every other exception."""
        return refused(request, exception) if isinstance(exception, RequestRefused) else None


class ContentSecurityPolicyMiddleware(DjangoContentSecurityPolicyMiddleware):
    """Django's middleware, with a looser policy for the few pages that don't work with the strict one."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Set the page's policy, unless the view has set one."""
        if not hasattr(response, "_csp_config"):
            policy = policy_for(request.path_info, response.headers.get("Content-Type", ""))
            if policy is not None:
                response._csp_config = policy  # type: ignore[attr-defined]  # Django's own hook, as csp_override sets it
        return super().process_response(request, response)


def policy_for(path: str, content_type: str) -> dict[str, Any] | None:
    """Return the policy of responses under `path`; None for the strict policy of the settings.

    unfold uses Alpine.js, which evaluates attributes of its pages, and sets inline styles. ReDoc and the pages of the
    browsable API set inline styles.
    """
    strict: dict[str, Any] = dict(settings.SECURE_CSP)
    if path.startswith("/admin/"):
        return strict | {
            "script-src": [CSP.SELF, CSP.UNSAFE_EVAL],
            "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
            "img-src": [CSP.SELF, "data:", "blob:"],
            "frame-src": [CSP.SELF],  # mails are shown in frames, under a policy of their own
        }
    is_browsable = path.startswith("/api/") and not path.startswith("/api/session/")
    if path.startswith("/redoc/") or (is_browsable and content_type.startswith("text/html")):
        return strict | {"style-src": [CSP.SELF, CSP.UNSAFE_INLINE]}
    return None
