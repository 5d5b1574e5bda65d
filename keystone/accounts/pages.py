"""The small pages that links in mails land on when no front end has them, and the page at `/`.

Looking at a page never uses a link up: mail scanners and previews open every link. A button does.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from keystone.accounts import email_address, tokens, verification
from keystone.accounts.status import Status
from keystone.accounts.tokens import InvalidToken, Purpose
from keystone.conf import options

GONE = 410

# What the result page says comes next. The word stands in its address, and tells nothing about anybody.
NEXT: dict[str, str] = {Status.ACTIVE: "sign-in", Status.PENDING_ADMIN_APPROVAL: "approval"}


class AddressForm(forms.Form):
    """The address that a new link is asked for."""

    email = forms.CharField(label=_("Email address"), max_length=email_address.MAX_LENGTH)

    def clean_email(self) -> str:
        """Refuse what is no address; whether it has an account is not looked at."""
        value: str = self.cleaned_data["email"]
        email_address.normalize(value)
        return value


def private[**P](view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Keep a page whose address holds a token out of caches, search engines and other sites' logs."""

    @wraps(view)
    def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = view(request, *args, **kwargs)
        # Not `no-referrer`: browsers then send the form with `Origin: null`, which the CSRF check must refuse.
        # With `strict-origin` no address but only the host is ever sent, to other sites and to our own.
        response.headers["Referrer-Policy"] = "strict-origin"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return never_cache(answer)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this server is, and where its parts are."""
    context = {"is_local": settings.ENVIRONMENT == "local", "frontend_url": options().frontend_url}
    return render(request, "keystone/pages/home.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@private
def verify_email(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows whose address would be confirmed; POST confirms it."""
    if request.method == "POST":
        try:
            user = verification.verify_email(token)
        except InvalidToken:
            return _ask_again(request, AddressForm(), status=GONE)
        query = {"next": NEXT[user.status]} if user.status in NEXT else {}
        return HttpResponseRedirect(reverse("pages:email-verified", query=query))
    found = tokens.usable(token, purpose=Purpose.VERIFY_EMAIL).select_related("user").first()
    if found is None:
        return _ask_again(request, AddressForm(), status=GONE)
    return render(request, "keystone/pages/verify_email.html", {"email": found.user.email})


@require_safe
@private
def email_verified(request: HttpRequest) -> HttpResponse:
    """The result: what comes next for this person."""
    context = {"next": request.GET.get("next", ""), "continue_url": options().frontend_url}
    return render(request, "keystone/pages/email_verified.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@private
def resend_verification(request: HttpRequest) -> HttpResponse:
    """Ask for a new link. The answer is the same whatever the address."""
    form = AddressForm(request.POST or None)
    if request.method == "POST":
        if form.is_valid():
            verification.resend_verification(form.cleaned_data["email"])
            return redirect("pages:verification-resent")
        return _ask_again(request, form, status=400)
    return _ask_again(request, form)


@require_safe
@private
def verification_resent(request: HttpRequest) -> HttpResponse:
    """Where to look for the new link."""
    return render(request, "keystone/pages/verification_resent.html")


def _ask_again(request: HttpRequest, form: AddressForm, *, status: int = 200) -> HttpResponse:
    context = {"form": form, "gone": status == GONE}
    return render(request, "keystone/pages/resend_verification.html", context, status=status)
