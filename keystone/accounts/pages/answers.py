"""What the responses of the pages share: headers, and how a refusal is shown."""

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

# What a result page says comes next. The word stands in its address, and tells nothing about anybody.
NEXT: dict[str, str] = {Status.ACTIVE: "sign-in", Status.PENDING_ADMIN_APPROVAL: "approval"}


def private[**P](view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Keep a page whose address holds a token out of caches, search engines and other sites' logs.

    A refusal that the view does not show itself is answered here, so that it has the same headers.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except Refusal as refusal:
            response = refused(request, refusal)
        # Not `no-referrer`: browsers then send the form with `Origin: null`, which the CSRF check must refuse.
        # With `strict-origin` no address but only the host is ever sent, to other sites and to our own.
        response.headers["Referrer-Policy"] = "strict-origin"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return never_cache(answer)


def with_form(
    request: HttpRequest, page: str, form: forms.Form, *, refusal: Refusal | None = None, **context: Any
) -> HttpResponse:
    """A page with a form: 400 where it has errors, and the status of a refusal where there is one.

    Args:
        page: the template's name below `keystone/pages/`.
        refusal: why what was sent was not done. What it says of fields is told beside them, else above the form.
        context: what the page shows beside the form.
    """
    if refusal is not None:
        form.add_error(None, refusal.fields or refusal.detail)
    status = refusal.status if refusal is not None else 400 if form.errors else 200
    response = render(request, f"keystone/pages/{page}", {"form": form, **context}, status=status)
    if refusal is not None and refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def to_result(page: str, user: User, **words: str) -> HttpResponseRedirect:
    """Go to a result page, whose address says in words what comes next for this person."""
    query = {"next": NEXT[user.status], **words} if user.status in NEXT else words
    return HttpResponseRedirect(reverse(f"pages:{page}", query=query))
