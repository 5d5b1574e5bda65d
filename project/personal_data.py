"""Your product's data about a person in addition to their account: for their export, and to be erased."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _

from keystone.accounts.models import User
from keystone.personal_data import Erasure, collector, eraser
from project.models import Profile

TOLD = ("organisation", "created_at", "updated_at")


@collector("profile", label=_("Profile"), models=["project.Profile"])
def collect_profile(user: User) -> Iterator[dict[str, Any]]:
    """Yield the profile if there is one."""
    yield from Profile.objects.filter(user=user).values(*TOLD).iterator()


@eraser("profile", models=["project.Profile"])
def erase_profile(user: User, erasure: Erasure) -> None:
    """Delete the profile."""
    Profile.objects.filter(user=user).delete()
