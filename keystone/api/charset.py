"""Requests are UTF-8, whatever charset they name."""

from collections.abc import Callable, Iterable
from typing import Any

from django.utils.http import parse_header_parameters

type WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def utf8_only(application: WsgiApplication) -> WsgiApplication:
    """The application, which is not told what charset a request names.

    Django decodes the query by the charset of the Content-Type, with any codec that Python has (`idna`, `bz2_codec`),
    while it makes the request: a codec that fails there fails before every middleware, as a bare 500. A query is UTF-8
    (WHATWG, URL, section 5.1), and so are JSON (RFC 8259, section 8.1) and the forms that Django takes.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        media_type, parameters = parse_header_parameters(environ.get("CONTENT_TYPE", ""))
        if "charset" in parameters:
            boundary = parameters.get("boundary")
            environ["CONTENT_TYPE"] = media_type if boundary is None else f'{media_type}; boundary="{boundary}"'
        return application(environ, start_response)

    return answer
