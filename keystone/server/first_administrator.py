"""Create the first administrator of a new database, named by the environment."""

from dataclasses import dataclass
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.accounts.models import User
from keystone.accounts.registration import create_user
from keystone.actors.actor import Actor
from keystone.development import administrator, sample_people
from keystone.development.known_accounts import development_addresses
from keystone.email_address import require_deliverable
from keystone.environment.env import SERVERS
from keystone.exceptions import Refusal

LOCK = 0x6B_66_73_75  # "kfsu", of PostgreSQL's advisory locks
PUBLISHED = frozenset({administrator.PASSWORD.lower(), sample_people.PASSWORD.lower(), "changethis"})


class NoPassword(Refusal):
    """The environment names the administrator, and no password."""

    code = "no_password"
    message: ClassVar[str | Promise] = _("FIRST_SUPERUSER is set, and FIRST_SUPERUSER_PASSWORD is not.")


class WeakPassword(Refusal):
    """The password is none that an administrator may have."""

    code = "weak_password"

    def __init__(self, why: str) -> None:
        super().__init__(gettext("FIRST_SUPERUSER_PASSWORD: %(why)s") % {"why": why})


class UnfitAddress(Refusal):
    """The address is none that an administrator may have."""

    code = "unfit_address"

    def __init__(self, why: str) -> None:
        super().__init__(gettext("FIRST_SUPERUSER: %(why)s") % {"why": why})


@dataclass(frozen=True)
class Administrator:
    """Who was made; or nobody, and whether that is since there is a superuser."""

    made: str = ""
    is_there: bool = False


def ensure_first_administrator() -> Administrator:
    """Make the superuser whom the settings name, if there is no superuser at all.

    Of several that do it at once, one does; the others wait for it. One that was made here, and deleted or demoted
    later, is made again only where it was the last: the environment need not forget its name.

    Raises:
        NoPassword: an address is given without one.
        WeakPassword: the validators refuse it, or everybody knows it.
        UnfitAddress: it is none, or belongs to development, or to somebody who is no superuser.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        if User.objects.filter(is_superuser=True).exists():
            return Administrator(is_there=True)
        email = settings.FIRST_SUPERUSER
        if not email:
            return Administrator()
        password = _password_for(email)
        if User.objects.with_email(email).exists():
            raise UnfitAddress(gettext("somebody has this address, who is no superuser."))
        create_user(
            email=email,
            password=password,
            by=Actor.cli(),
            is_staff=True,
            is_superuser=True,
            email_verified=True,
            tell=False,
        )
        return Administrator(made=email)


def _password_for(email: str) -> str:
    try:
        normalized = require_deliverable(email)
    except ValidationError as error:
        raise UnfitAddress(" ".join(error.messages)) from None
    password: str = settings.FIRST_SUPERUSER_PASSWORD
    if not password:
        raise NoPassword
    if settings.ENVIRONMENT in SERVERS:
        if password.lower() in PUBLISHED:
            raise WeakPassword(gettext("everybody knows this password. Choose one of your own."))
        if normalized in development_addresses():
            raise UnfitAddress(gettext("this address is one of development's. Give one of your own."))
    try:
        validate_password(password, User(email=email))
    except ValidationError as error:
        raise WeakPassword(" ".join(error.messages)) from None
    return password
