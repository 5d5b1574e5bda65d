"""Deactivate one's own account."""

from typing import ClassVar

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.accounts.authority import lock_acting
from keystone.accounts.backends import confirm_password
from keystone.accounts.hooks import approvers_hear
from keystone.accounts.lifecycle import deactivate_user
from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.exceptions import Refusal


class SuperuserStays(Refusal):
    """Superusers can't deactivate themselves, so that none is missing by surprise. Another superuser can do it."""

    code = "superuser_stays"
    status: ClassVar[int] = 403
    message: ClassVar[str | Promise] = _("A superuser cannot deactivate their own account. Another superuser can.")


def deactivate_own_account(user: User, *, current_password: str) -> User:
    """Deactivate the account of a person who asks for it. It is kept, and administrators can reactivate it.

    Raises:
        SuperuserStays: the person is a superuser.
        WrongPassword: the password is wrong.
        TooManyAttempts, HashingBusy: as for signing in; the same limits apply.
        AccessEnded: the person's access has ended in the meantime.
    """
    if user.is_superuser:
        raise SuperuserStays
    confirm_password(user, current_password)
    with transaction.atomic():
        lock_acting(user)
        gone = deactivate_user(user, by=Actor.person(user))
        approvers_hear("person_left", [gone], by=Actor.person(user))
        return gone
