"""Read requests as UTF-8, whatever charset they name."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from django.utils.http import parse_header_parameters

type WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


type AsgiApplication = Callable[[Any, Any, Any], Awaitable[None]]


def utf8_only(application: WsgiApplication) -> WsgiApplication:
    """The application, which is not told what charset a request names.

    Django decodes the query by the charset of the Content-Type, with any codec that Python has (`idna`, `bz2_codec`),
    while it makes the request: a codec that fails there fails before every middleware, as a bare 500. A query is UTF-8
    (WHATWG, URL, section 5.1), and so are JSON (RFC 8259, section 8.1) and the forms that Django takes.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "CONTENT_TYPE" in environ:
            environ["CONTENT_TYPE"] = _without_charset(environ["CONTENT_TYPE"])
        return application(environ, start_response)

    return answer


def utf8_only_asgi(application: AsgiApplication) -> AsgiApplication:
    """The same for ASGI."""

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
    except ValueError:  # Django refuses it
        return content_type
    if "charset" not in parameters:
        return content_type
    boundary = parameters.get("boundary")
    return media_type if boundary is None else f'{media_type}; boundary="{boundary}"'
