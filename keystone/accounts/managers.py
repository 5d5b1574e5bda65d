"""The manager of `User`: named queries, and search by words."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.password_validation import validate_password
from django.contrib.postgres.search import SearchVectorField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Func, Value
from django.db.models.sql.where import WhereNode

from keystone import email_address
from keystone.accounts.status import PENDING, Status
from keystone.actors.actor import Actor
from keystone.caching.versions import VersionedQuerySet

if TYPE_CHECKING:
    from keystone.accounts.models import User

SEARCH_LENGTH = 1_000  # characters; longer than any name and email address together
WINDOW = 2_000  # accounts that a search looks at before it reads its index: about 2 ms
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")  # characters that PostgreSQL's text can't store


def search_document() -> Func:
    """Return the expression for the words of the names and the email address, as typed and normalized.

    The column `search_words` stores them. A name that is not plain ASCII is also found without a space in it, last
    name first, as in Korean.
    """
    joined = Func(
        Func(F("last_name"), F("first_name"), arg_joiner=" || ", template="(%(expressions)s)"),
        template="CASE WHEN octet_length(%(expressions)s) > char_length(%(expressions)s)"
        " THEN %(expressions)s ELSE '' END",
        output_field=models.TextField(),
    )
    text = Func(
        F("first_name"),
        F("last_name"),
        F("email"),
        F("email_normalized"),
        joined,
        arg_joiner=" || ' ' || ",  # before the template: the migration autodetector compares them in order
        template="%(expressions)s",
        output_field=models.TextField(),
    )
    return Func(
        text,
        template="array_to_tsvector(keystone_search_words(%(expressions)s, true))",
        output_field=SearchVectorField(),
    )


def email_domain() -> Func:
    """Return the expression for the domain of the normalized email address. The index `user_domain` is built on it."""
    return Func(F("email_normalized"), template="split_part(%(expressions)s, '@', -1)", output_field=models.CharField())


class UserQuerySet(VersionedQuerySet["User"]):
    """Named queries on accounts."""

    def awaiting_approval(self) -> Self:
        """Return the accounts that await an administrator's decision."""
        return self.filter(status=Status.PENDING_ADMIN_APPROVAL)

    def undecided(self) -> Self:
        """Return the accounts that can be approved or rejected, including unverified ones."""
        return self.filter(status__in=PENDING)

    def active_superusers(self) -> Self:
        """Return the superusers who are active."""
        return self.filter(is_superuser=True, status=Status.ACTIVE)

    def with_email(self, address: str) -> Self:
        """Return the account with this email address, in any spelling. Empty if the address is invalid."""
        try:
            return self.filter(email_normalized=email_address.normalize(address))
        except ValidationError:
            return self.none()

    def with_domain(self, domain: str) -> Self:
        """Return the accounts whose email address is at this domain."""
        return self.alias(email_domain=email_domain()).filter(email_domain=domain)

    def count_by_status(self) -> dict[str, int]:
        """Return the number of accounts in each status, including zeros."""
        counted = dict(self.order_by().values_list("status").annotate(models.Count("pk")))
        return {value: counted.get(value, 0) for value in Status.values}

    def search(self, text: str) -> Self:
        """Return the accounts where each word of `text` begins a word of the name or the email address.

        The database splits both into words (see the migration `search_words`).
        """
        if not text.strip():
            return self
        if len(text) > SEARCH_LENGTH:
            return self.none()
        return self.filter(_Matches(F("search_words"), Value(_NOT_TEXT.sub(" ", text))))

    def rows_between(self, start: int, stop: int) -> list["User"]:
        """Return the rows of a slice.

        A search looks at the first accounts in the order of the list before it reads its index. A word that many people
        have is found among them, where the index would find all of them, to be read and sorted.
        """
        is_search = _without_search(self.query.where) is not self.query.where
        if is_search and stop <= WINDOW and (walked := self._among_the_first()) is not None:
            rows = list(walked[start:stop])
            if len(rows) == stop - start:
                return rows
        return list(self[start:stop])

    def _among_the_first(self) -> Self | None:
        """Return the rows among the first accounts in this order that the other filters select.

        Returns:
            None if the order has no such end: it does not begin with a column, or with one whose NULLs come first.
        """
        name = next((str(name) for name in self.query.order_by), "")
        column, descending = name.removeprefix("-"), name.startswith("-")
        field = {field.name: field for field in self.model._meta.concrete_fields}.get(column)
        if field is None or (field.null and descending) or not self.query.standard_ordering:
            return None
        others = self._chain()  # type: ignore[attr-defined]  # missing from the stubs
        others.query.where = _without_search(self.query.where)
        last = models.Subquery(others.values(column)[WINDOW : WINDOW + 1])
        walked = self.filter(**{f"{column}__{'gte' if descending else 'lte'}": last})
        walked.query.walks_in_order = True  # type: ignore[attr-defined]  # copied to clones, and read by `_Matches`
        return walked


def _without_search(where: Any) -> Any:
    """Return a condition without its searches; the same object if there is none."""
    left = [
        _without_search(child) if isinstance(child, WhereNode) else child
        for child in where.children
        if not isinstance(getattr(child, "lhs", None), _Matches)
    ]
    if len(left) == len(where.children) and all(one is two for one, two in zip(left, where.children, strict=True)):
        return where
    return where.create(left, where.connector, where.negated)


class _Matches(Func):
    """The condition that a document has words that begin as those typed.

    PostgreSQL can't know how many have them, and guesses a number at which it would walk all accounts in the order of
    the list until a page is full. A second condition, which always holds, makes it expect few and read the index. Where
    a queryset is to be walked in its order, the condition has a form that the index can't answer.
    """

    output_field = models.BooleanField()
    conditional = True

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **_context: Any) -> tuple[str, tuple[Any, ...]]:
        (document, _none), (text, typed) = (compiler.compile(part) for part in self.get_source_expressions())
        matches = f"{document} @@ (SELECT keystone_search_query({text}))"
        if getattr(compiler.query, "walks_in_order", False):
            return f"coalesce({matches}, false)", tuple(typed)
        return f"({matches} AND ({document} IS NULL)::int = 0)", tuple(typed)


_creators: list[Callable[..., "User"]] = []


def creates_users[F: Callable[..., Any]](function: F) -> F:
    """Register the function that Django's own commands, such as `createsuperuser`, use to create accounts."""
    _creators.append(function)
    return function


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]  # a class made at run time
    """Manager that finds accounts by any spelling of their email address, and creates them for Django's commands."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the account with this email address.

        Raises:
            User.DoesNotExist: there is none.
        """
        user: User = self.with_email(username or "").get()
        return user

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an active account, as `createsuperuser` and tests of other packages do. It is audited."""
        user: User = _creators[-1](email=email, password=password, by=Actor.cli(), notify=False, **fields)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an active superuser with a verified email address. It is audited.

        Django's command validates a password only if it prompts for it, so it is validated here.

        Raises:
            ValidationError: the validators reject the password, or a name or the email address is invalid.
        """
        if password is not None:
            names = {name: fields.get(name, "") for name in self.model.REQUIRED_FIELDS}
            validate_password(password, self.model(email=email, **names))
        return self.create_user(
            email, password, **{"is_staff": True, "is_superuser": True, "email_verified": True, **fields}
        )
