"""The unsubscribe page, also for one-click unsubscribing by mail programs."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from keystone.accounts.pages.answers import GONE, private
from keystone.accounts.tokens import InvalidToken
from keystone.accounts.transition_rules import UserNotFound
from keystone.actors.acting import AccessEnded
from keystone.approval.notices import unsubscribing

PAGE = "keystone/pages/unsubscribe.html"


@csrf_exempt  # mail programs post without opening our page; the token authorizes (RFC 8058)
@require_http_methods(["GET", "HEAD", "POST"])
@private
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask on GET; turn the notices off on POST, without a session, a CSRF token or a redirect."""
    try:
        if request.method == "POST":
            unsubscribing.unsubscribe(token)
        else:
            unsubscribing.find_subscriber(token)
    except (InvalidToken, AccessEnded, UserNotFound):
        return render(request, PAGE, {"state": "gone"}, status=GONE)
    return render(request, PAGE, {"state": "done" if request.method == "POST" else "asked"})
