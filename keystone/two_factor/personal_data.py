"""Personal data of the second factor."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _

from keystone.personal_data import Erasure, collector, eraser
from keystone.two_factor.models import Authenticator, RecoveryCode

MODELS = ("keystone.Authenticator", "keystone.RecoveryCode")


@collector("two_factor", label=_("Two-factor sign-in"), models=MODELS)
def collect_two_factor(user: Any) -> Iterator[dict[str, Any]]:
    """Yield when the second factor was set up and used, and how many recovery codes are left.

    The secret is left out: it would let anybody who reads the file sign in.
    """
    codes = RecoveryCode.objects.unused(user).count()
    for device in Authenticator.objects.filter(user=user).order_by("pk"):
        times = {"created_at": device.created_at, "set_up": device.confirmed_at, "last_used_at": device.last_used_at}
        yield {**times, "recovery_codes_left": codes if device.confirmed else 0}


@eraser("two_factor", models=MODELS)
def erase_two_factor(user: Any, erasure: Erasure) -> None:
    """Delete the user's authenticators and recovery codes."""
    Authenticator.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
