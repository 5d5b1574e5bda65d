"""Create the first administrator of a new database, named in the environment."""

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

LOCK = 0x6B_66_73_75  # "kfsu", the key of a PostgreSQL advisory lock
PUBLISHED = frozenset({administrator.PASSWORD.lower(), sample_people.PASSWORD.lower(), "changethis"})


class NoPassword(Refusal):
    """FIRST_SUPERUSER is set without a password."""

    code = "no_password"
    message: ClassVar[str | Promise] = _("FIRST_SUPERUSER is set, but FIRST_SUPERUSER_PASSWORD is not.")


class WeakPassword(Refusal):
    """The password is invalid or well known."""

    code = "weak_password"

    def __init__(self, why: str) -> None:
        super().__init__(gettext("FIRST_SUPERUSER_PASSWORD: %(why)s") % {"why": why})


class UnfitAddress(Refusal):
    """The email address can't be used for an administrator."""

    code = "unfit_address"

    def __init__(self, why: str) -> None:
        super().__init__(gettext("FIRST_SUPERUSER: %(why)s") % {"why": why})


@dataclass(frozen=True)
class Administrator:
    """The email address of the created superuser; empty if none was created, and whether there was one already."""

    made: str = ""
    is_there: bool = False


def ensure_first_administrator() -> Administrator:
    """Create the superuser named in the settings if there is no superuser.

    Concurrent calls wait for each other, and only one creates it. A superuser that was deleted or demoted later is
    created again only if it was the last one, so the settings may keep its name.

    Raises:
        NoPassword: the email address is set without a password.
        WeakPassword: the validators reject the password, or it is well known.
        UnfitAddress: the email address is invalid, a development account's, or used by a non-superuser.
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
            raise UnfitAddress(gettext("this address belongs to somebody who is not a superuser."))
        create_user(
            email=email,
            password=password,
            by=Actor.cli(),
            is_staff=True,
            is_superuser=True,
            email_verified=True,
            notify=False,
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
            raise WeakPassword(gettext("this password is public. Choose your own."))
        if normalized in development_addresses():
            raise UnfitAddress(gettext("this is the address of a development account. Give your own."))
    try:
        validate_password(password, User(email=email))
    except ValidationError as error:
        raise WeakPassword(" ".join(error.messages)) from None
    return password
