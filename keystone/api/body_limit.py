"""The limit on the size of request bodies, with or without a Content-Length."""

from collections.abc import Callable
from io import BytesIO
from typing import Any, ClassVar

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.api.errors import BodyTooLarge, refused
from keystone.exceptions import Refusal

LIMIT = 256 * 1024  # bytes


class LengthRequired(Refusal):
    """The body is chunked, which can't be read here (RFC 9110, section 15.5.12)."""

    code = "length_required"
    status: ClassVar[int] = 411
    message: ClassVar[str | Promise] = _("Send a Content-Length header with the length of the body.")


class Unreadable(Refusal):
    """The body's length is not a number, or the body is incomplete."""

    code = "bad_request"
    status: ClassVar[int] = 400
    message: ClassVar[str | Promise] = _("The request is malformed.")


class EncodedBody(Refusal):
    """The body is compressed, or encoded in another way (RFC 9110, section 15.5.16)."""

    code = "unsupported_media_type"
    status: ClassVar[int] = 415
    message: ClassVar[str | Promise] = _(
        "The body is encoded, for example with gzip. Send it without Content-Encoding."
    )


class BodyLimitMiddleware:
    """Middleware that responds with 413 to bodies under `/api/` of more than `LIMIT` bytes, before they are processed.

    Encoded (compressed) bodies are refused under all paths.

    A body with a Content-Length is refused by that number; the server and Django cut off a longer body there. Django
    treats a body without a Content-Length (chunked, or HTTP/2) as empty. This middleware reads it, up to the limit, and
    sets its length.

    Outside `/api/`, Django's `DATA_UPLOAD_MAX_MEMORY_SIZE` applies, which leaves room for uploaded files. Chunked
    forms, which no browser sends, are refused there instead of being treated as empty.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            _refuse_encoded(request)
            if request.path_info.startswith("/api/"):
                _limit(request)
            elif _is_chunked(request) and not request.META.get("CONTENT_LENGTH"):
                raise LengthRequired
        except Refusal as error:
            response = refused(request, error)
            if isinstance(error, EncodedBody):
                response.headers["Accept-Encoding"] = "identity"
            return response
        return self.get_response(request)


def _limit(request: HttpRequest) -> None:
    declared = request.META.get("CONTENT_LENGTH") or None
    if declared is not None and not (declared.isascii() and declared.isdigit()):
        raise Unreadable
    if declared is not None and int(declared[:20]) > LIMIT:  # [:20]: Python refuses to parse thousands of digits
        raise BodyTooLarge
    if declared is None or _is_chunked(request):  # RFC 9112, section 6.3: chunks take precedence
        _read(request)


def _refuse_encoded(request: HttpRequest) -> None:
    """Refuse a body in any content or transfer coding other than `identity` and chunks."""
    if not (_is_chunked(request) or request.META.get("CONTENT_LENGTH") not in {None, "", "0"}):
        return
    codings = {*_codings(request, "HTTP_CONTENT_ENCODING"), *_codings(request, "HTTP_TRANSFER_ENCODING")}
    if codings - {"identity", "chunked"} or "chunked" in _codings(request, "HTTP_CONTENT_ENCODING"):
        raise EncodedBody


def _codings(request: HttpRequest, key: str) -> set[str]:
    return {word.strip().lower() for word in request.META.get(key, "").split(",")} - {""}


def _is_chunked(request: HttpRequest) -> bool:
    return bool(_codings(request, "HTTP_TRANSFER_ENCODING") - {"identity"})


def _read(request: HttpRequest) -> None:
    stream: Any = request._stream  # under ASGI the whole body has been read already
    if isinstance(request, WSGIRequest):
        if not request.environ.get("wsgi.input_terminated"):
            # The server doesn't mark the body's end: without chunks there is no body, with chunks reading could hang.
            if _is_chunked(request):
                raise LengthRequired
            return
        stream = request.environ["wsgi.input"]
    body = b""
    try:
        while len(body) <= LIMIT and (part := stream.read(LIMIT + 1 - len(body))):
            body += part
    except OSError:
        raise Unreadable from None
    if len(body) > LIMIT:
        raise BodyTooLarge
    request.META["CONTENT_LENGTH"] = str(len(body))
    request._stream = BytesIO(body)  # Django's WSGI and ASGI requests both read from it
