"""`AwaitingDecision`: the proxy model of the approval queue."""

from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from keystone.accounts.managers import UserManager
from keystone.accounts.models import User


class AwaitingDecision(User):
    """A pending person, as a proxy of `User`. Decisions go through `lifecycle` as everywhere else."""

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        proxy = True
        verbose_name = _("person awaiting a decision")
        verbose_name_plural = _("people awaiting a decision")
        ordering = ("awaiting_since", "id")
        default_permissions = ()  # keystone.approve_user is what counts
