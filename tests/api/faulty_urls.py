"""Addresses that fail, for the tests of the error pages."""

from typing import NoReturn

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest
from django.urls import path

handler400 = "keystone.api.errors.bad_request"
handler403 = "keystone.api.errors.permission_denied"
handler404 = "keystone.api.errors.page_not_found"
handler500 = "keystone.api.errors.server_error"


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
