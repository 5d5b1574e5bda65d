"""The pages to verify an email address."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from keystone.accounts import verification
from keystone.accounts.links import LinkUsed, inspect_link
from keystone.accounts.models import User
from keystone.accounts.pages.answers import GONE, private, to_result, with_form
from keystone.accounts.pages.forms import AddressForm
from keystone.accounts.tokens import InvalidToken, Purpose
from keystone.conf import options
from keystone.throttling.limits import TooManyAttempts


@require_http_methods(["GET", "HEAD", "POST"])
@private
def verify_email(request: HttpRequest, token: str) -> HttpResponse:
    """Show the email address to be verified on GET; verify it on POST."""
    try:
        if request.method == "POST":
            return _to_verified(verification.verify_email(token))
        found = inspect_link(token, purpose=Purpose.VERIFY_EMAIL)
    except LinkUsed as used:
        return _to_verified(used.user)
    except InvalidToken:
        context = {"form": AddressForm(), "gone": True}
        return render(request, "keystone/pages/resend_verification.html", context, status=GONE)
    return render(request, "keystone/pages/verify_email.html", {"email": found.user.email})


def _to_verified(user: User) -> HttpResponse:
    words = {"password": "mailed"} if verification.lacks_password(user) else {}
    return to_result("email-verified", user, **words)


@require_safe
@private
def email_verified(request: HttpRequest) -> HttpResponse:
    """Show what comes next for this person."""
    context = {
        "next": request.GET.get("next", ""),
        "password_mailed": request.GET.get("password") == "mailed",
        "continue_url": options().frontend_url,
    }
    return render(request, "keystone/pages/email_verified.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@private
def resend_verification(request: HttpRequest) -> HttpResponse:
    """Request a new link. The response is the same for every email address."""
    form = AddressForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        try:
            verification.resend_verification(form.cleaned_data["email"])
        except TooManyAttempts as error:
            refusal = error
        else:
            return redirect("pages:verification-resent")
    return with_form(request, "resend_verification.html", form, refusal=refusal)


@require_safe
@private
def verification_resent(request: HttpRequest) -> HttpResponse:
    """Show where to look for the new link."""
    return render(request, "keystone/pages/verification_resent.html")
