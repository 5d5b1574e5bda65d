"""Read requests as UTF-8, ignoring the charset that they name."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from django.utils.http import parse_header_parameters

type WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


type AsgiApplication = Callable[[Any, Any, Any], Awaitable[None]]


def utf8_only(application: WsgiApplication) -> WsgiApplication:
    """Wrap a WSGI application so that it doesn't see the charset that a request names.

    Django decodes the query string with the charset of the Content-Type, which may be any of Python's codecs (`idna`,
    `bz2_codec`), while it creates the request. If the codec fails, it does so before every middleware, as a bare 500. A
    query string is UTF-8 (WHATWG, URL, section 5.1), and so are JSON (RFC 8259, section 8.1) and the forms that Django
    accepts.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "CONTENT_TYPE" in environ:
            environ["CONTENT_TYPE"] = _without_charset(environ["CONTENT_TYPE"])
        return application(environ, start_response)

    return answer


def utf8_only_asgi(application: AsgiApplication) -> AsgiApplication:
    """Wrap an ASGI application in the same way as `utf8_only`."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [
                (name, _without_charset(value.decode("latin-1")).encode("latin-1"))
                if name.lower() == b"content-type"
                else (name, value)
                for name, value in scope["headers"]
            ]
            scope = {**scope, "headers": headers}
        await application(scope, receive, send)

    return answer


def _without_charset(content_type: str) -> str:
    try:
        media_type, parameters = parse_header_parameters(content_type)
    except ValueError:  # Django rejects it
        return content_type
    if "charset" not in parameters:
        return content_type
    boundary = parameters.get("boundary")
    return media_type if boundary is None else f'{media_type}; boundary="{boundary}"'
