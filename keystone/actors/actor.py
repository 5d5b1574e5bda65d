"""`Actor`: who does something, a user, an administrator, a command, a job or the system."""

import getpass
import os
from dataclasses import dataclass
from typing import Any, Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class ActorKind(models.TextChoices):
    """The kinds of actor that the audit log tells apart."""

    PERSON = "person", _("the person")
    ADMINISTRATOR = "administrator", _("administrator")
    CLI = "cli", _("command line")
    JOB = "job", _("scheduled job")
    SYSTEM = "system", _("system")


@dataclass(frozen=True)
class Actor:
    """Who acts.

    Attributes:
        label: how the log shows them for ever.
        user: set when that is an account, as it was read when its request arrived.
        permission: what the request was let through by; it is asked for again where `user` is (see `acting`).
    """

    kind: ActorKind
    label: str
    user: Any = None
    permission: str = ""

    @classmethod
    def person(cls, user: AbstractBaseUser) -> Self:
        """Somebody who acts on their own account."""
        return cls(ActorKind.PERSON, user.get_username(), user)

    @classmethod
    def administrator(cls, user: AbstractBaseUser, *, permission: str = "") -> Self:
        """Somebody who acts on others' accounts, by a model permission such as `keystone.approve_user`."""
        return cls(ActorKind.ADMINISTRATOR, user.get_username(), user, permission)

    @classmethod
    def cli(cls) -> Self:
        """A command, run by an operating-system user."""
        try:
            label = getpass.getuser()
        except (KeyError, OSError):  # a container's user may have a number and no name
            label = f"uid {os.getuid()}"
        return cls(ActorKind.CLI, label)

    @classmethod
    def job(cls, name: str) -> Self:
        """The scheduled job `name`."""
        return cls(ActorKind.JOB, name)

    @classmethod
    def system(cls) -> Self:
        """Keystone itself."""
        return cls(ActorKind.SYSTEM, "keystone")
