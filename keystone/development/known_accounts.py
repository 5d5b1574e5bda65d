"""Find development accounts, whose passwords are published, in a server's database."""

from typing import ClassVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections, router
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.development import administrator, sample_people
from keystone.development.people import SAMPLES
from keystone.environment.env import SERVERS
from keystone.exceptions import Refusal
from keystone.text.listing import first_few


class KnownAccounts(Refusal):
    """A server's database holds accounts whose passwords are published."""

    code = "known_accounts"
    message: ClassVar[str | Promise] = _("The database contains development accounts, whose passwords are public.")
    hint: ClassVar[str | Promise] = _(
        "Deactivate or delete them. Start a server with an empty database, not with a copy of a developer's."
    )

    def __init__(self, emails: list[str]) -> None:
        text = gettext("The database contains %(count)d development accounts, whose passwords are public: %(some)s")
        if len(emails) == 1:
            text = gettext("The database contains a development account, whose password is public: %(some)s")
        super().__init__(text % {"count": len(emails), "some": first_few(emails)})


def development_addresses() -> list[str]:
    """Return the normalized email addresses of the development accounts."""
    return [
        administrator.EMAIL,
        sample_people.STAFF_EMAIL,
        sample_people.LATEST_EMAIL,
        *(sample.email for sample in SAMPLES),
    ]


def known_accounts(alias: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Return the email addresses of the development accounts in a database, sorted.

    Deactivated accounts are left out, because nobody can sign in to them.

    Raises:
        DatabaseError, InterfaceError: the database does not answer.
    """
    if not router.allow_migrate_model(alias, User):
        return []
    with connections[alias].cursor() as cursor:
        tables = connections[alias].introspection.table_names(cursor)
    if User._meta.db_table not in tables:  # before the first migration
        return []
    known = User.objects.using(alias).filter(email_normalized__in=development_addresses())
    return list(known.exclude(status=Status.DEACTIVATED).order_by("email").values_list("email", flat=True))


def refuse_known_accounts() -> None:
    """Refuse to start a server whose database holds development accounts. An unavailable database is ignored.

    Raises:
        KnownAccounts: naming the first few.
    """
    if settings.ENVIRONMENT not in SERVERS:
        return
    try:
        found = known_accounts()
    except (DatabaseError, InterfaceError):  # the server may start without its database
        return
    if found:
        raise KnownAccounts(found)
