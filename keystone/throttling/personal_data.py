"""Personal data in rate limits: what is counted by a person's email address."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _

from keystone.personal_data import Erasure, collector, eraser
from keystone.throttling.mails import keep_counts_of_erased
from keystone.throttling.models import AttemptWindow, Limit

TOLD = ("limit", "source", "count", "started_at", "ends_at")


@collector("attempts", label=_("Sign-in attempts"))
def collect_attempts(user: Any) -> Iterator[dict[str, Any]]:
    """Yield the windows that count attempts at the user's email address. They are deleted after they have ended.

    Mails are left out if the user has not verified the email address, since they may have been for somebody else.
    """
    windows = AttemptWindow.objects.filter(address=user.email_normalized)
    if user.email_verified_at is None:
        windows = windows.exclude(limit=Limit.MAILS)
    yield from windows.order_by("pk").values(*TOLD).iterator()


@eraser("attempts")
def erase_attempts(user: Any, erasure: Erasure) -> None:
    """Delete the windows. Mails to the email addresses stay counted under a pseudonym, for a day."""
    keep_counts_of_erased(erasure.addresses)
    AttemptWindow.objects.filter(address__in=erasure.addresses).delete()
