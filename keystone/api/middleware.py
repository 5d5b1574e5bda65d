"""What every request gets: an id and an origin for the audit log, and a content security policy."""

import re
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csp import ContentSecurityPolicyMiddleware as DjangoContentSecurityPolicyMiddleware
from django.utils.csp import CSP

from keystone.api.client_address import client_address
from keystone.audit.context import origin

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestContextMiddleware:
    """Gives each request an id (a well-formed `X-Request-ID` of a proxy's is kept) and answers it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        with origin(request_id=request_id, ip_address=client_address(request)):
            response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        if request.path.startswith("/api/"):
            # What the API answers is for the caller alone, and is out of date the next moment.
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class ContentSecurityPolicyMiddleware(DjangoContentSecurityPolicyMiddleware):
    """Django's middleware, with a looser policy for the few pages that cannot do with the strict one."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Choose the page's policy, unless the view chose one."""
        if not hasattr(response, "_csp_config"):
            policy = policy_for(request.path)
            if policy is not None:
                response._csp_config = policy  # type: ignore[attr-defined]  # Django's own hook, as csp_override sets it
        return super().process_response(request, response)


def policy_for(path: str) -> dict[str, Any] | None:
    """The policy of the pages under `path`; None where the strict one of the settings holds.

    unfold is built on Alpine.js, which compiles the attributes of its pages, and it sets inline styles; ReDoc
    and the browsable API set inline styles.
    """
    strict: dict[str, Any] = dict(settings.SECURE_CSP)
    if path.startswith("/admin/"):
        return strict | {
            "script-src": [CSP.SELF, CSP.UNSAFE_EVAL],
            "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
            "img-src": [CSP.SELF, "data:", "blob:"],
        }
    if path.startswith(("/redoc", "/docs", "/api/")):
        return strict | {"style-src": [CSP.SELF, CSP.UNSAFE_INLINE]}
    return None
