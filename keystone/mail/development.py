"""The development pages that show mails. They are 404 in every other environment."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, cast

from django.conf import settings
from django.core.mail import mailers
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.csp import CSP
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST, require_safe

from keystone.mail import folder
from keystone.mail.backends import FolderBackend
from keystone.mail.framing import Policy, framed

PAGE_SIZE = 25

FRAME_POLICY: Policy = {**cast("Policy", settings.SECURE_CSP), "frame-src": [CSP.SELF]}


def local_only[**P](view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Respond with 404 unless the environment is `local`."""

    @wraps(view)
    def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if settings.ENVIRONMENT != "local":
            raise Http404
        return view(request, *args, **kwargs)

    return never_cache(answer)


@require_safe
@local_only
def mails(request: HttpRequest) -> HttpResponse:
    """Show the list of mails, newest first."""
    page = Paginator(range(folder.count(_folder())), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "entries": folder.entries(_folder(), start=PAGE_SIZE * (page.number - 1), limit=PAGE_SIZE),
        "folder": _folder(),
        "in_use": isinstance(mailers["default"], FolderBackend),
    }
    return render(request, "keystone/pages/mails.html", context)


@require_safe
@local_only
@csp_override(FRAME_POLICY)
def mail(request: HttpRequest, name: str) -> HttpResponse:
    """Show one mail: its HTML in a frame, its text and its headers."""
    return render(request, "keystone/pages/mail.html", {"mail": _message(name)})


@require_safe
@local_only
@framed
def mail_html(request: HttpRequest, name: str) -> str:
    """Return the HTML part of a mail, for the frame."""
    return _message(name).html


@require_POST
@local_only
def delete_all(request: HttpRequest) -> HttpResponse:
    """Empty the folder."""
    folder.delete_all(_folder())
    return redirect("development:mails")


def _folder() -> Path:
    return Path(settings.MAIL_FOLDER)


def _message(name: str) -> folder.Message:
    found = folder.read(_folder(), name)
    if found is None:
        raise Http404
    return found
