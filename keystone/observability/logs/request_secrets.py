"""The secrets in the current request. An error may quote one without its name: `ValueError: hunter2`."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote, quote_plus

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest

from keystone.observability.logs.key_value_masking import is_code_name, is_secret_name

SHORTEST_NAMED = 8  # characters of a value with a secret name; no password is shorter
SHORTEST_CODE = 6  # of an authenticator's code
SHORTEST_COOKIE = 16  # of any other cookie
_SPELLED_ALIKE = re.compile(r"[\w.~-]+", re.ASCII)  # by Python, JSON and URLs


class _Noted:
    """A request and the secrets found in it, in each spelling that may occur in an error."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.found: set[str] = set()
        self.ordered: list[str] = []  # longest first: one may contain another
        self.has_form = False
        words = [*request.COOKIES.values(), *request.META.get("HTTP_AUTHORIZATION", "").split()]
        secrets = {word for word in words if len(word) >= SHORTEST_COOKIE} | set(_named(request.COOKIES))
        with suppress(SuspiciousOperation):  # too many fields, which Django refuses later
            secrets |= set(_named(request.GET))
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Add secrets, also as Python, JSON and URLs escape them."""
        for secret in secrets:
            self.found.add(secret)
            if _SPELLED_ALIKE.fullmatch(secret):
                continue
            self.found |= {
                repr(secret)[1:-1],
                json.dumps(secret)[1:-1],
                quote(secret, safe="", errors="replace"),
                quote_plus(secret, errors="replace"),
            }
        self.ordered = sorted(self.found, key=len, reverse=True)

    def secrets(self) -> list[str]:
        """Return all secrets, longest first."""
        form = vars(self.request).get("_post")  # set by Django once the form was read
        if form and not self.has_form:
            self.has_form = True
            self.add(_named(form))
        return self.ordered


_noted: ContextVar[_Noted | None] = ContextVar("keystone_noted_secrets", default=None)


@contextmanager
def noting(request: HttpRequest) -> Iterator[None]:
    """Mask the secrets of the request in everything that is logged in the block."""
    token = _noted.set(_Noted(request))
    try:
        yield
    finally:
        _noted.reset(token)


def note_secrets(data: Any) -> None:
    """Add the secrets of a parsed body: the strings with a secret name at its top level."""
    noted = _noted.get()
    if noted is not None and isinstance(data, Mapping):
        noted.add(_named(data))


def noted_secrets() -> list[str]:
    """Return the secrets of the current request; empty outside one."""
    noted = _noted.get()
    return noted.secrets() if noted else []


def _named(data: Mapping[str, Any]) -> Iterator[str]:
    for name, value in data.items():
        if isinstance(value, str):
            shortest = SHORTEST_CODE if is_code_name(name) else SHORTEST_NAMED
            if len(value) >= shortest and (is_secret_name(name) or shortest == SHORTEST_CODE):
                yield value
