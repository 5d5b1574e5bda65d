"""The error envelope: `{"error": {"code", "message", "fields", "request_id"}}`."""

import logging
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import psycopg
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import InterfaceError, InternalError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse, UnreadablePostError
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

from keystone.actors.acting import AccessEnded
from keystone.exceptions import Refusal, RequestRefused
from keystone.observability.origin import current_origin

logger = logging.getLogger(__name__)
RETRY_AFTER = "5"  # seconds
# PostgreSQL is away, ends connections, has none left, or no room on its disk. psycopg's own come from whatever has a
# connection without Django in between.
AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
# DRF's names of its faults, where the field has a better one.
CODES = {"authentication_failed": "invalid_token", "throttled": "rate_limited", "error": "invalid"}
CHALLENGE = 'Bearer realm="api"'  # RFC 6750, section 3


class BodyTooLarge(Refusal):
    """The body has more bytes than this server takes."""

    code = "too_large"
    status: ClassVar[int] = 413
    message: ClassVar[str | Promise] = _("The body is too large.")


def envelope(code: str, message: str, fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The body of an error.

    Args:
        code: a stable word for programs.
        message: a sentence for people, translated.
        fields: for each field of the body what is wrong with it.
    """
    return {
        "error": {
            "code": code,
            "message": message,
            "fields": fields or {},
            "request_id": current_origin().request_id,
        }
    }


def envelope_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: refusals and DRF's faults become the envelope; the rest is a fault of ours."""
    if isinstance(error, RequestDataTooBig):
        error = BodyTooLarge()
    if isinstance(error, RequestRefused):
        body = envelope(error.code, error.detail, error.fields)
        return Response(body, status=error.status, headers=_refusal_headers(error))
    if is_away(error):
        logger.error("The database does not answer.", exc_info=error)
        return Response(_unavailable(), status=503, headers={"Retry-After": RETRY_AFTER})
    return _answer(_as_api_exception(error))


def is_away(error: BaseException | None) -> bool:
    """Whether the database cannot do its work for now, which is no fault of the request's or of ours.

    A server that was the primary until a moment ago, and became a copy, takes no writes.
    """
    cause = error.__cause__ if isinstance(error, InternalError) else None
    return isinstance(error, AWAY) or isinstance(cause, psycopg.errors.ReadOnlySqlTransaction)


def _unavailable() -> dict[str, Any]:
    return envelope("unavailable", gettext("The service is not available at the moment. Try again soon."))


def _refusal_headers(error: RequestRefused) -> dict[str, str]:
    """What HTTP wants beside the status: RFC 9110, section 10.2.3 and 11.6.1; RFC 6750, section 3."""
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        headers["WWW-Authenticate"] = (
            f'{CHALLENGE}, error="{error.code}"' if error.code == "invalid_token" else CHALLENGE
        )
    return headers


def _as_api_exception(error: Exception) -> Exception:
    if isinstance(error, DjangoValidationError):
        return exceptions.ValidationError({api_settings.NON_FIELD_ERRORS_KEY: error.messages})
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(error, UnreadablePostError):  # the caller went away, or broke its own chunks
        return exceptions.ParseError()
    return error


def _answer(error: Exception) -> Response | None:
    if not isinstance(error, exceptions.APIException):
        return None
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(error.auth_header)  # type: ignore[attr-defined]  # set by DRF's view
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait))  # type: ignore[attr-defined]  # Throttled has it
    if isinstance(error, exceptions.ValidationError):
        body = envelope("invalid", gettext("Some of what was sent is not valid."), _fields(error.detail))
    else:
        codes = error.get_codes()
        code = codes if isinstance(codes, str) else error.default_code
        body = envelope(CODES.get(code, code), str(error.detail))
    return Response(body, status=error.status_code, headers=headers)


def _fields(detail: Any) -> dict[str, Any]:
    if isinstance(detail, Mapping):
        return {str(name): value for name, value in detail.items()}
    return {api_settings.NON_FIELD_ERRORS_KEY: detail if isinstance(detail, list) else [detail]}


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def refused(request: HttpRequest, error: RequestRefused) -> HttpResponse:
    """A refusal that was raised outside DRF: JSON under `/api/`, a small page elsewhere, or the page to sign in on.

    The page is rendered without the request: it may be refused before it has a session or a person.
    """
    headers = _refusal_headers(error)
    if _is_api(request):
        return JsonResponse(envelope(error.code, error.detail, error.fields), status=error.status, headers=headers)
    if isinstance(error, AccessEnded):
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
    page = render_to_string("keystone/pages/refused.html", {"message": error.detail})
    return HttpResponse(page, status=error.status, headers=headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: JSON under `/api/`, a page elsewhere. A form that is too large is a 413."""
    if isinstance(exception, RequestDataTooBig):
        return refused(request, BodyTooLarge())
    if _is_api(request):
        return JsonResponse(envelope("bad_request", gettext("The request is malformed.")), status=400)
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: JSON under `/api/`, a page elsewhere."""
    if _is_api(request):
        return JsonResponse(envelope("permission_denied", gettext("You may not do this.")), status=403)
    return defaults.permission_denied(request, exception)


def method_not_allowed(request: HttpRequest, response: HttpResponseNotAllowed) -> HttpResponse:
    """405: JSON under `/api/`, Django's answer elsewhere. Both name the methods that are allowed."""
    if not _is_api(request):
        return response
    message = gettext("This address does not take the method %(method)s.") % {"method": request.method}
    headers = {"Allow": response.headers["Allow"]}
    return JsonResponse(envelope("method_not_allowed", message), status=405, headers=headers)


def nothing_here(request: HttpRequest) -> HttpResponse:
    """404 in JSON, for every address under `/api/` that is none."""
    message = gettext("There is nothing here.")
    if not request.path.endswith("/"):
        message += " " + gettext("Every address ends with a slash.")
    return JsonResponse(envelope("not_found", message), status=404)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: JSON under `/api/`, a page elsewhere."""
    if _is_api(request):
        return nothing_here(request)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: JSON under `/api/`, a page elsewhere. It names the request, so that its log lines can be found.

    Django calls this while it handles the exception, whatever raised it: a view, a middleware, a template. Where the
    database is away, the answer is a 503 that says when to come again.
    """
    if is_away(sys.exception()):
        headers = {"Retry-After": RETRY_AFTER}
        if _is_api(request):
            return JsonResponse(_unavailable(), status=503, headers=headers)
        return HttpResponse(render_to_string("503.html"), status=503, headers=headers)
    if _is_api(request):
        message = gettext("Something went wrong on our side.")
        return JsonResponse(envelope("server_error", message), status=500)
    return defaults.server_error(request)
