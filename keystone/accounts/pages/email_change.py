"""The pages to confirm and to revert a change of the email address."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from keystone.accounts import email_change
from keystone.accounts.links import LinkUsed, inspect_link
from keystone.accounts.models import User
from keystone.accounts.pages.answers import GONE, private
from keystone.accounts.registration import AddressTaken
from keystone.accounts.tokens import InvalidToken, Purpose
from keystone.conf import options


@require_http_methods(["GET", "HEAD", "POST"])
@private
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show the new email address on GET; make it the account's on POST."""
    try:
        if request.method == "POST":
            email_change.confirm_email_change(token)
            return redirect("pages:email-confirmed")
        found = inspect_link(token, purpose=Purpose.CONFIRM_EMAIL)
    except LinkUsed:
        return redirect("pages:email-confirmed")
    except InvalidToken:
        return render(request, "keystone/pages/confirm_email_gone.html", status=GONE)
    except AddressTaken as refusal:
        return render(request, "keystone/pages/address_taken.html", status=refusal.status)
    return render(request, "keystone/pages/confirm_email.html", {"email": found.email})


@require_safe
@private
def confirmed(request: HttpRequest) -> HttpResponse:
    """Show that the email address was changed."""
    return render(request, "keystone/pages/email_confirmed.html", {"continue_url": options().frontend_url})


@require_http_methods(["GET", "HEAD", "POST"])
@private
def revert(request: HttpRequest, token: str) -> HttpResponse:
    """Explain on GET what reverting a change means; revert it on POST."""
    try:
        if request.method == "POST":
            return _to_reverted(email_change.revert_email_change(token))
        found = inspect_link(token, purpose=Purpose.REVERT_EMAIL)
    except LinkUsed as used:
        return _to_reverted(used.user)
    except InvalidToken:
        return render(request, "keystone/pages/revert_email_gone.html", status=GONE)
    except AddressTaken as refusal:
        return render(request, "keystone/pages/address_taken.html", {"reverting": True}, status=refusal.status)
    context = {"email": found.email, "is_active": found.user.is_active}
    return render(request, "keystone/pages/revert_email.html", context)


def _to_reverted(user: User) -> HttpResponse:
    words = {"password": "mailed"} if user.is_active else {}
    return redirect(reverse("pages:email-reverted", query=words))


@require_safe
@private
def reverted(request: HttpRequest) -> HttpResponse:
    """Show that the email address is the old one again."""
    context = {"password_mailed": request.GET.get("password") == "mailed"}
    return render(request, "keystone/pages/email_reverted.html", context)
