"""Cached HTTP responses: which may be stored, and the headers that clients and proxies get."""

import hashlib
from collections.abc import Collection
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csp import get_nonce
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.http import parse_header_parameters

# What decorators and middleware leave on an answer for the middleware further out.
NOTES = ("xframe_options_exempt", "_csp_config", "_csp_ro_config")


def lifetime(request: HttpRequest, response: HttpResponseBase, *, expire: int, public: bool) -> int:
    """For how many seconds the answer may be kept; 0 for not at all."""
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
    """Whether the answer holds what only this visit may: a token of its forms, a nonce of its scripts, a message.

    Who changed the session must get its cookie.
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
    """The headers of requests that the answer says it depends on, in lower case."""
    return {name for part in response.headers.get("Vary", "").split(",") if (name := part.strip().lower())}


def packed(response: HttpResponse) -> dict[str, Any]:
    """The answer as plain data."""
    notes = {name: value for name in NOTES if (value := getattr(response, name, None)) is not None}
    return {"headers": dict(response.headers.items()), "content": response.content, "notes": notes}


def unpacked(data: dict[str, Any]) -> HttpResponse:
    """The answer again."""
    response = HttpResponse(data["content"], headers=data["headers"])
    for name, value in data["notes"].items():
        setattr(response, name, value)
    return response


def told(
    request: HttpRequest, response: HttpResponse, *, left: int, public: bool, ask_again: bool, vary: Collection[str]
) -> HttpResponseBase:
    """The answer with what clients and proxies must know to keep it, or 304 where the client has it already.

    Args:
        left: for how many seconds it is good.
        ask_again: whether it may be void any moment, so that who has kept it must ask before using it.
        vary: headers of requests that it depends on.
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
    """Whether a client asks for a form of its own, such as `application/json; indent=4`."""
    return bool(parse_header_parameters(media_type)[1].keys() - {"q"})
