"""Addresses that fail, for the tests of the error pages."""

from typing import NoReturn

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def fault(request: HttpRequest) -> NoReturn:
    raise RuntimeError("secret")


def forbid(request: HttpRequest) -> NoReturn:
    raise PermissionDenied("secret")


def refuse(request: HttpRequest) -> NoReturn:
    raise BadRequest("secret")


urlpatterns = [
    path(prefix + name, view)
    for prefix in ("", "api/")
    for name, view in (("fault/", fault), ("forbidden/", forbid), ("bad/", refuse))
]
