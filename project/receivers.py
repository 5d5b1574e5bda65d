"""What your product does when Keystone announces something. Signals come after the commit, once per person."""

from typing import Any

from django.dispatch import receiver

from keystone.accounts.models import User
from keystone.accounts.signals import user_approved, user_created
from project.models import Profile


@receiver([user_approved, user_created], dispatch_uid="project.make_profile")
def make_profile(user: User, **_: Any) -> None:
    """Give everybody who gets in a profile. It may run twice: a profile that is there stays as it is."""
    Profile.objects.get_or_create(user=user)
