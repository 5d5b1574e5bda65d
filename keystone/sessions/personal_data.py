"""Personal data in sessions."""

from collections.abc import Iterator
from typing import Any

from django.contrib.sessions.models import Session as BrowserSession
from django.utils.translation import gettext_lazy as _

from keystone.personal_data import Erasure, collector, eraser
from keystone.sessions.models import Session

TOLD = ("created_at", "last_used_at", "expires_at", "revoked_at", "ip_address", "user_agent")


@collector("sessions", label=_("Sessions"), models=["keystone.Session"])
def collect_sessions(user: Any) -> Iterator[dict[str, Any]]:
    """Yield when, from where and with which device the user was signed in."""
    yield from Session.objects.filter(user=user).order_by("created_at", "pk").values(*TOLD).iterator()


@eraser("sessions", models=["keystone.Session"])
def erase_sessions(user: Any, erasure: Erasure) -> None:
    """Delete the user's sessions, and Django's sessions that belong to them."""
    listed = Session.objects.filter(user=user, browser_key__isnull=False)
    BrowserSession.objects.filter(session_key__in=listed.values("browser_key")).delete()
    Session.objects.filter(user=user).delete()
