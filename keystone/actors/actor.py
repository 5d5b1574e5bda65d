"""`Actor`: a user, an administrator, a command, a job or the system, who does something."""

import getpass
import os
from dataclasses import dataclass
from typing import Any, Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class ActorKind(models.TextChoices):
    """The kinds of actor that the audit log distinguishes."""

    PERSON = "person", _("the person")
    ADMINISTRATOR = "administrator", _("administrator")
    CLI = "cli", _("command line")
    JOB = "job", _("scheduled job")
    SYSTEM = "system", _("system")


@dataclass(frozen=True)
class Actor:
    """Somebody or something that acts.

    Attributes:
        label: the text that the log shows permanently.
        user: the account as read when its request arrived; None for actors without an account.
        permission: the permission that the request was allowed by; it is checked again for `user` (see `acting`).
    """

    kind: ActorKind
    label: str
    user: Any = None
    permission: str = ""

    @classmethod
    def person(cls, user: AbstractBaseUser) -> Self:
        """Return the actor for a user who acts on their own account."""
        return cls(ActorKind.PERSON, user.get_username(), user)

    @classmethod
    def administrator(cls, user: AbstractBaseUser, *, permission: str = "") -> Self:
        """Return the actor for a user who acts by a permission such as `keystone.approve_user`."""
        return cls(ActorKind.ADMINISTRATOR, user.get_username(), user, permission)

    @classmethod
    def cli(cls) -> Self:
        """Return the actor for a command, labelled with the operating-system user."""
        try:
            label = getpass.getuser()
        except (KeyError, OSError):  # a container's user may have no name
            label = f"uid {os.getuid()}"
        return cls(ActorKind.CLI, label)

    @classmethod
    def job(cls, name: str) -> Self:
        """Return the actor for the scheduled job `name`."""
        return cls(ActorKind.JOB, name)

    @classmethod
    def system(cls) -> Self:
        """Return the actor for Keystone itself."""
        return cls(ActorKind.SYSTEM, "keystone")
