"""Finding accounts: the named reads, and the search by words."""

import re
from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.password_validation import validate_password
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Func, Value

from keystone import email_address
from keystone.accounts.status import PENDING, Status

if TYPE_CHECKING:
    from keystone.accounts.models import User

SEARCH_WORDS = 10


def search_document() -> Func:
    """Names and address as words, the parts of an address each on its own. The index `user_search` is on it."""
    words = Func(
        F("first_name"),
        F("last_name"),
        F("email"),
        arg_joiner=" || ' ' || ",  # before the template: the migration autodetector compares them in order
        template="%(expressions)s",
        output_field=models.TextField(),
    )
    parts = Func(words, Value("@.-_+'/:"), Value("        "), function="translate", output_field=models.TextField())
    return Func(
        parts,
        template="to_tsvector('simple'::regconfig, %(expressions)s)",
        output_field=SearchVectorField(),
    )


class UserQuerySet(models.QuerySet["User"]):
    """The named reads."""

    def awaiting_approval(self) -> Self:
        """Who waits for an administrator's decision."""
        return self.filter(status=Status.PENDING_ADMIN_APPROVAL)

    def undecided(self) -> Self:
        """Who can be approved or rejected: also those who have not verified their address."""
        return self.filter(status__in=PENDING)

    def active_superusers(self) -> Self:
        """The superusers who can act."""
        return self.filter(is_superuser=True, status=Status.ACTIVE)

    def with_email(self, address: str) -> Self:
        """The account of an address in any spelling; none for what is no address."""
        try:
            return self.filter(email_normalized=email_address.normalize(address))
        except ValidationError:
            return self.none()

    def count_by_status(self) -> dict[str, int]:
        """How many stand in each status; one with nobody counts zero."""
        counted = dict(self.order_by().values_list("status").annotate(models.Count("pk")))
        return {value: counted.get(value, 0) for value in Status.values}

    def search(self, text: str) -> Self:
        """Accounts of which every word of `text` begins a word of the name or the address. Index-backed."""
        words = re.findall(r"\w+", text.replace("_", " "))[:SEARCH_WORDS]
        if not words:
            return self if not text.strip() else self.none()
        query = SearchQuery(" & ".join(f"'{word}':*" for word in words), config="simple", search_type="raw")
        return self.alias(document=search_document()).filter(document=query)


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]  # a class made at run time
    """Finds accounts by any spelling of their address, and makes them for Django's own commands."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """The account with this address.

        Raises:
            User.DoesNotExist: there is none.
        """
        user: User = self.with_email(username or "").get()
        return user

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """An active account, as `createsuperuser` and tests of other packages make them; audited."""
        from keystone.accounts.registration import create_user
        from keystone.audit.actor import Actor

        return create_user(email=email, password=password, by=Actor.cli(), tell=False, **fields)

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """An active superuser with a verified address; audited.

        Django's command asks the validators only where it asks a person, so they are asked here.

        Raises:
            ValidationError: they do not accept the password; or a name or the address is none.
        """
        if password is not None:
            names = {name: fields.get(name, "") for name in self.model.REQUIRED_FIELDS}
            validate_password(password, self.model(email=email, **names))
        return self.create_user(
            email, password, **{"is_staff": True, "is_superuser": True, "email_verified": True, **fields}
        )
