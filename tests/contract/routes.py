"""The addresses under `/api/` as the URL resolver knows them, whatever the schema says."""

import re
from collections.abc import Iterator
from typing import Any

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

METHODS = frozenset({"get", "post", "put", "patch", "delete"})
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


def api_routes() -> set[tuple[str, str]]:
    """Each verb and path that a view answers, the path written as the schema writes it: `/api/users/{id}/`."""
    return {(method, path) for path, view in _views() for method in _methods(view)}


def permissions_in_use() -> frozenset[str]:
    """The model permissions that the views ask for by action, without the app's label."""
    tables = [getattr(getattr(view, "cls", None), "permissions_by_action", {}) for _, view in _views()]
    return frozenset(permission.partition(".")[2] for table in tables for permission in table.values())


def _views() -> Iterator[tuple[str, Any]]:
    for path, view in _walk(get_resolver(), "/"):
        # The catch-all answers 404 in JSON; it has no path of its own. DRF's list of routes has no schema.
        is_listed = getattr(getattr(view, "cls", None), "schema", True) is not None
        if path.startswith("/api/") and path != "/api/" and ".{format}" not in path and is_listed:
            yield path, view


def _walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        path = prefix + _template(entry)
        if isinstance(entry, URLResolver):
            yield from _walk(entry, path)
        else:
            yield path, entry.callback


def _template(entry: URLPattern | URLResolver) -> str:
    route = str(entry.pattern)
    if not isinstance(entry.pattern, RoutePattern):
        route = simplify_regex(route).removeprefix("/")  # as DRF's routers write them
    return PARAMETER.sub(lambda found: "{" + found[1].replace("pk", "id") + "}", route)


def _methods(view: Any) -> set[str]:
    kind = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if kind is None:  # a plain function answers every method
        return set(METHODS)
    answered = set(getattr(view, "actions", None) or (name for name in kind.http_method_names if hasattr(kind, name)))
    return answered & METHODS
