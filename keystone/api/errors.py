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
# PostgreSQL is down, closes connections, or has no connections or disk space left. psycopg's exceptions come from code
# that uses a connection without Django.
AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
# DRF's error codes, where a more common name exists.
CODES = {"authentication_failed": "invalid_token", "throttled": "rate_limited", "error": "invalid"}
CHALLENGE = 'Bearer realm="api"'  # RFC 6750, section 3


class BodyTooLarge(Refusal):
    """The body is larger than this server accepts."""

    code = "too_large"
    status: ClassVar[int] = 413
    message: ClassVar[str | Promise] = _("The body is too large.")


def envelope(code: str, message: str, fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the body of an error response.

    Args:
        code: a stable code for programs.
        message: a translated sentence for people.
        fields: the errors of each field of the request's body.
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
    """Return the envelope for refusals, DRF's exceptions and an unavailable database; None for other errors.

    This is DRF's exception handler.
    """
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
    """Return whether the database is unavailable for now, which is not a bug.

    A server that has just been demoted from primary to replica rejects writes.
    """
    cause = error.__cause__ if isinstance(error, InternalError) else None
    return isinstance(error, AWAY) or isinstance(cause, psycopg.errors.ReadOnlySqlTransaction)


def _unavailable() -> dict[str, Any]:
    return envelope("unavailable", gettext("The service is temporarily unavailable. Try again soon."))


def _refusal_headers(error: RequestRefused) -> dict[str, str]:
    """Return the headers that HTTP requires: RFC 9110, sections 10.2.3 and 11.6.1; RFC 6750, section 3."""
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
    if isinstance(error, UnreadablePostError):  # the client disconnected, or sent invalid chunks
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
        body = envelope("invalid", gettext("Some fields are not valid."), _fields(error.detail))
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
    """Return the response to a refusal raised outside DRF: JSON under `/api/`, else a page or a redirect to sign in.

    The page is rendered without the request, which may be refused before it has a session or a user.
    """
    headers = _refusal_headers(error)
    if _is_api(request):
        return JsonResponse(envelope(error.code, error.detail, error.fields), status=error.status, headers=headers)
    if isinstance(error, AccessEnded):
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
    page = render_to_string("keystone/pages/refused.html", {"message": error.detail})
    return HttpResponse(page, status=error.status, headers=headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return a 400 response: JSON under `/api/`, a page elsewhere. A form that is too large gets a 413."""
    if isinstance(exception, RequestDataTooBig):
        return refused(request, BodyTooLarge())
    if _is_api(request):
        return JsonResponse(envelope("bad_request", gettext("The request is malformed.")), status=400)
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return a 403 response: JSON under `/api/`, a page elsewhere."""
    if _is_api(request):
        return JsonResponse(
            envelope("permission_denied", gettext("You do not have permission to do this.")), status=403
        )
    return defaults.permission_denied(request, exception)


def method_not_allowed(request: HttpRequest, response: HttpResponseNotAllowed) -> HttpResponse:
    """Return a 405 response: JSON under `/api/`, Django's response elsewhere. Both name the allowed methods."""
    if not _is_api(request):
        return response
    message = gettext("The method %(method)s is not allowed here.") % {"method": request.method}
    headers = {"Allow": response.headers["Allow"]}
    return JsonResponse(envelope("method_not_allowed", message), status=405, headers=headers)


def nothing_here(request: HttpRequest) -> HttpResponse:
    """Return a 404 response in JSON, for unknown URLs under `/api/`."""
    message = gettext("There is nothing at this URL.")
    if not request.path.endswith("/"):
        message += " " + gettext("Every URL ends with a slash.")
    return JsonResponse(envelope("not_found", message), status=404)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return a 404 response: JSON under `/api/`, a page elsewhere."""
    if _is_api(request):
        return nothing_here(request)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Return a 500 response: JSON under `/api/`, a page elsewhere. It contains the request's id, to find its log lines.

    Django calls this while handling an exception from a view, a middleware or a template. If the database is
    unavailable, the response is a 503 with a Retry-After header.
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
