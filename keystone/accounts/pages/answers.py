"""Shared by the responses of the pages: headers, and how a refusal is shown."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.api.errors import refused
from keystone.exceptions import Refusal

GONE = 410

# What a result page shows as the next step. The word is part of its URL, and reveals nothing about anybody.
NEXT: dict[str, str] = {Status.ACTIVE: "sign-in", Status.PENDING_ADMIN_APPROVAL: "approval"}


def private[**P](view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Keep a page with a token in its URL out of caches, search engines and other sites' logs.

    A refusal that the view doesn't show itself is handled here, so that it has the same headers.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except Refusal as refusal:
            response = refused(request, refusal)
        # Not `no-referrer`: browsers then send the form with `Origin: null`, which the CSRF check must refuse.
        # With `strict-origin` only the host is ever sent, never the path, to other sites and to our own.
        response.headers["Referrer-Policy"] = "strict-origin"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return never_cache(answer)


def with_form(
    request: HttpRequest, page: str, form: forms.Form, *, refusal: Refusal | None = None, **context: Any
) -> HttpResponse:
    """Render a page with a form: 400 if it has errors, or the status of the refusal if there is one.

    Args:
        page: the template's name below `keystone/pages/`.
        refusal: why the request was refused. Its messages about fields are shown beside them, others above the form.
        context: what the page shows besides the form.
    """
    if refusal is not None:
        form.add_error(None, refusal.fields or refusal.detail)
    status = refusal.status if refusal is not None else 400 if form.errors else 200
    response = render(request, f"keystone/pages/{page}", {"form": form, **context}, status=status)
    if refusal is not None and refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def to_result(page: str, user: User, **words: str) -> HttpResponseRedirect:
    """Redirect to a result page, whose URL says what comes next for this person."""
    query = {"next": NEXT[user.status], **words} if user.status in NEXT else words
    return HttpResponseRedirect(reverse(f"pages:{page}", query=query))
