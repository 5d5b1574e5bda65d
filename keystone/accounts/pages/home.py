"""The page at `/`."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from keystone.conf import options


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what this server is, and where its parts are."""
    context = {"is_local": settings.ENVIRONMENT == "local", "frontend_url": options().frontend_url}
    return render(request, "keystone/pages/home.html", context)
