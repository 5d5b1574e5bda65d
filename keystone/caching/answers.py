"""Cached HTTP responses: which may be stored, and the headers for clients and proxies."""

import hashlib
from collections.abc import Collection
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csp import get_nonce
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.http import parse_header_parameters

# Attributes that decorators and middleware set on responses for outer middleware.
NOTES = ("xframe_options_exempt", "_csp_config", "_csp_ro_config")


def lifetime(request: HttpRequest, response: HttpResponseBase, *, expire: int, public: bool) -> int:
    """Return for how many seconds the response may be cached; 0 for not at all."""
    if response.status_code != 200 or response.streaming or "*" in varies_on(response):
        return 0
    if response.cookies or response.has_header("Set-Cookie") or _is_for_one_visit(request):
        return 0
    said = _cache_control(response)
    if not said.keys().isdisjoint({"no-store", "no-cache"} | ({"private"} if public else set())):
        return 0
    try:
        return max(min(expire, int(said.get("max-age") or expire)), 0)
    except ValueError:
        return 0


def _is_for_one_visit(request: HttpRequest) -> bool:
    """Return whether the response is specific to this request: it has a CSRF token, a nonce or a message.

    A response to a request that changed the session isn't cacheable either, because it must set the session cookie.
    """
    messages = getattr(request, "_messages", None)
    return bool(
        request.META.get("CSRF_COOKIE_NEEDS_UPDATE")
        or get_nonce(request)
        or getattr(messages, "used", False)
        or getattr(messages, "added_new", False)
        or getattr(getattr(request, "session", None), "modified", False)
    )


def varies_on(response: HttpResponseBase) -> set[str]:
    """Return the request headers in the response's Vary header, in lower case."""
    return {name for part in response.headers.get("Vary", "").split(",") if (name := part.strip().lower())}


def packed(response: HttpResponse) -> dict[str, Any]:
    """Return the response as plain data."""
    notes = {name: value for name in NOTES if (value := getattr(response, name, None)) is not None}
    return {"headers": dict(response.headers.items()), "content": response.content, "notes": notes}


def unpacked(data: dict[str, Any]) -> HttpResponse:
    """Return the response rebuilt from the data of `packed()`."""
    response = HttpResponse(data["content"], headers=data["headers"])
    for name, value in data["notes"].items():
        setattr(response, name, value)
    return response


def with_cache_headers(
    request: HttpRequest, response: HttpResponse, *, left: int, public: bool, ask_again: bool, vary: Collection[str]
) -> HttpResponseBase:
    """Return the response with caching headers, or a 304 if the client has it already.

    Args:
        left: for how many more seconds it is valid.
        ask_again: whether it may become invalid at any moment, so that clients must revalidate it before use.
        vary: the request headers that it depends on.
    """
    if not response.has_header("ETag"):
        response.headers["ETag"] = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    freshness: dict[str, Any] = {"no_cache": True} if ask_again else {"max_age": left}
    patch_cache_control(response, **({"public": True} if public else {"private": True}), **freshness)
    patch_vary_headers(response, list(vary))
    return get_conditional_response(request, etag=response.headers["ETag"], response=response) or response


def _cache_control(response: HttpResponseBase) -> dict[str, str]:
    parts = response.headers.get("Cache-Control", "").split(",")
    pairs = (part.strip().lower().partition("=") for part in parts)
    return {name: value for name, _, value in pairs if name}


def has_options(media_type: str) -> bool:
    """Return whether a media type has parameters other than `q`, such as `application/json; indent=4`."""
    return bool(parse_header_parameters(media_type)[1].keys() - {"q"})
