"""The secrets that the running request brought. An error may quote one without a name: `ValueError: hunter2`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote, quote_plus

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest

from keystone.observability.logs.key_value_masking import is_code_name, is_secret_name

SHORTEST_NAMED = 8  # characters of a value whose name is a secret's; no password is shorter
SHORTEST_CODE = 6  # of an authenticator's
SHORTEST_COOKIE = 16  # of any other cookie's


class _Noted:
    """A request, and what was found to be secret in it, in each spelling that an error may give it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.found: set[str] = set()
        self.ordered: list[str] = []  # the longest first: one may be a part of another
        self.has_form = False
        words = [*request.COOKIES.values(), *request.META.get("HTTP_AUTHORIZATION", "").split()]
        secrets = {word for word in words if len(word) >= SHORTEST_COOKIE} | set(_named(request.COOKIES))
        with suppress(SuspiciousOperation):  # too many fields, which Django refuses in its own time
            secrets |= set(_named(request.GET))
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Note these, also as Python, JSON and addresses write them."""
        for secret in secrets:
            self.found |= {
                secret,
                repr(secret)[1:-1],
                json.dumps(secret)[1:-1],
                quote(secret, safe="", errors="replace"),
                quote_plus(secret, errors="replace"),
            }
        self.ordered = sorted(self.found, key=len, reverse=True)

    def secrets(self) -> list[str]:
        """All of them, the longest first."""
        form = vars(self.request).get("_post")  # Django's; looked at only where somebody read the form
        if form and not self.has_form:
            self.has_form = True
            self.add(_named(form))
        return self.ordered


_noted: ContextVar[_Noted | None] = ContextVar("keystone_noted_secrets", default=None)


@contextmanager
def noting(request: HttpRequest) -> Iterator[None]:
    """Mask the secrets of the request in whatever is written for the time of the block."""
    token = _noted.set(_Noted(request))
    try:
        yield
    finally:
        _noted.reset(token)


def note_secrets(data: Any) -> None:
    """Note the secrets of a body that was just parsed: the texts whose names say so, at its first level."""
    noted = _noted.get()
    if noted is not None and isinstance(data, Mapping):
        noted.add(_named(data))


def noted_secrets() -> list[str]:
    """What the running request brought; empty outside one."""
    noted = _noted.get()
    return noted.secrets() if noted else []


def _named(data: Mapping[str, Any]) -> Iterator[str]:
    for name, value in data.items():
        if isinstance(value, str):
            shortest = SHORTEST_CODE if is_code_name(name) else SHORTEST_NAMED
            if len(value) >= shortest and (is_secret_name(name) or shortest == SHORTEST_CODE):
                yield value
