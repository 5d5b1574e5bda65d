"""The pages to reset a forgotten password, or to choose the first one."""

from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from keystone.accounts import password_reset
from keystone.accounts.links import LinkUsed, inspect_link
from keystone.accounts.pages.answers import GONE, private, to_result, with_form
from keystone.accounts.pages.forms import AddressForm, NewPasswordForm
from keystone.accounts.passwords import PasswordRefused
from keystone.accounts.tokens import InvalidToken, Purpose
from keystone.conf import options
from keystone.exceptions import Refusal
from keystone.passwords.hashing_slots import HashingBusy
from keystone.throttling.limits import TooManyAttempts


@require_http_methods(["GET", "HEAD", "POST"])
@private
def ask(request: HttpRequest) -> HttpResponse:
    """Request a link. The response is the same for every email address."""
    form = AddressForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        try:
            password_reset.request_password_reset(form.cleaned_data["email"])
        except TooManyAttempts as error:
            refusal = error
        else:
            return redirect("pages:password-reset-sent")
    return with_form(request, "ask_password_reset.html", form, refusal=refusal)


@require_safe
@private
def sent(request: HttpRequest) -> HttpResponse:
    """Show where to look for the link."""
    return render(request, "keystone/pages/password_reset_sent.html")


@sensitive_post_parameters("new_password", "again")
@require_http_methods(["GET", "HEAD", "POST"])
@private
def reset(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for the new password on GET; set it on POST. A refused password doesn't use up the link."""
    form = NewPasswordForm(request.POST if request.method == "POST" else None)
    refusal: Refusal | None = None
    try:
        if form.is_valid():
            user = password_reset.reset_password(token, new_password=form.cleaned_data["new_password"])
            place = {"place": "administration"} if user.is_staff and user.is_active else {}
            return to_result("password-reset-done", user, **place)
    except (PasswordRefused, HashingBusy) as error:
        refusal = error
    except InvalidToken as error:
        return _gone(request, error)
    try:
        found = inspect_link(token, purpose=Purpose.RESET_PASSWORD)
    except InvalidToken as error:
        return _gone(request, error)
    context = {"email": found.user.email, "rules": password_validators_help_texts()}
    return with_form(request, "reset_password.html", form, refusal=refusal, **context)


@require_safe
@private
def done(request: HttpRequest) -> HttpResponse:
    """Show what comes next for this person."""
    context = {
        "next": request.GET.get("next", ""),
        "to_administration": request.GET.get("place") == "administration",
        "continue_url": options().frontend_url,
    }
    return render(request, "keystone/pages/password_reset_done.html", context)


def _gone(request: HttpRequest, error: InvalidToken) -> HttpResponse:
    context = {"form": AddressForm(), "gone": True, "used": isinstance(error, LinkUsed)}
    return render(request, "keystone/pages/ask_password_reset.html", context, status=GONE)
