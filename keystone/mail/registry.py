"""The registry of mails: functions in `emails.py`, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Concatenate

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise

from keystone.mail.outgoing import Mail


class UnknownEmail(LookupError):  # noqa: N818 - as `DoesNotExist`: its name says what it is
    """No mail is registered by this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no mail {name!r}. There are: {', '.join(sorted(EMAILS))}.")


@dataclass(frozen=True)
class Email:
    """A kind of mail.

    Attributes:
        name: of its function, of its template, and in the outbox.
        label: what lists call it.
        sample: what its template shows, made up: for previews, test sends and tests.
        build: its function.
        needs_person: whether it is about a person, and not needed any more once they have gone.
        is_news: whether it tells of something that was done with the account by whoever is signed in to it.
        goes_elsewhere: whether it goes to an address that may be somebody else's. Then the person is not told, in their
            export, what became of it: that could depend on whether the address has an account.
    """

    name: str
    label: str | Promise
    sample: Mapping[str, Any]
    build: Callable[..., Mail | None]
    needs_person: bool = True
    is_news: bool = False
    goes_elsewhere: bool = False

    def __call__(self, user: Any, **context: Any) -> Mail | None:
        """The mail for this person (see `email`)."""
        return None if user is None and self.needs_person else self.build(user, **context)


@dataclass(frozen=True)
class Choice:
    """What a chooser decides: which mail goes to whom.

    Attributes:
        name: that the mail is registered by.
        user: whom it is about, and whose address it goes to.
    """

    name: str
    user: Any


@dataclass(frozen=True)
class Chooser:
    """A function that decides, in a worker, which mail an address gets.

    Attributes:
        name: of its function, and in the outbox until it has decided.
        label: what lists call a row that it has not decided on yet.
        choose: its function.
    """

    name: str
    label: str | Promise
    choose: Callable[..., Choice | None]


EMAILS: dict[str, Email] = {}
CHOOSERS: dict[str, Chooser] = {}


def email[**P](
    *,
    label: str | Promise,
    sample: Mapping[str, Any],
    needs_person: bool = True,
    is_news: bool = False,
    goes_elsewhere: bool = False,
) -> Callable[[Callable[P, Mail | None]], Callable[P, Mail | None]]:
    """Register a function as a mail that can be queued (see `outbox.queue`) by the function's name.

    It is called in a worker, while the mail is being sent, with the person and with the row's context as keywords. It
    reads what is true by then, mints the tokens that the mail is to bring in transactions of its own, and returns the
    mail; or None where that is not needed any more.

    Args:
        label: what lists call the mail; a lazy text.
        sample: what its template shows, made up.
        needs_person: whether the mail is about a person. Of one that is not, the function may get None for them.
        is_news, goes_elsewhere: see `Email`.

    Raises:
        ImproperlyConfigured: another function is registered by this name.
    """

    def register(function: Callable[P, Mail | None]) -> Callable[P, Mail | None]:
        known = EMAILS.get(function.__name__)
        if known is not None and known.build.__module__ != function.__module__:
            raise ImproperlyConfigured(
                f"{function.__module__} and {known.build.__module__} both register a mail {function.__name__!r}."
            )
        EMAILS[function.__name__] = Email(
            function.__name__, label, sample, function, needs_person, is_news, goes_elsewhere
        )
        return function

    return register


def chooser[**P](
    *, label: str | Promise
) -> Callable[[Callable[Concatenate[str, P], Choice | None]], Callable[Concatenate[str, P], Choice | None]]:
    """Register a function that decides which mail an address gets, to be queued by the function's name.

    What was queued then looks the same, and takes the same time, whether the address has an account or not. The
    function is called in a worker, in a transaction, with the address and with the row's context as keywords. The row
    becomes what it chooses; where it returns None, the row is deleted.

    Args:
        label: what lists call the row until then; a lazy text.
    """

    def register(
        function: Callable[Concatenate[str, P], Choice | None],
    ) -> Callable[Concatenate[str, P], Choice | None]:
        CHOOSERS[function.__name__] = Chooser(function.__name__, label, function)
        return function

    return register


def label_of(name: str) -> str:
    """What lists call a mail; one that has gone from the code stands for itself."""
    kind = EMAILS.get(name) or CHOOSERS.get(name)
    return str(kind.label) if kind else name


def get(name: str) -> Email:
    """The mail of this name.

    Raises:
        UnknownEmail: there is none.
    """
    try:
        return EMAILS[name]
    except KeyError:
        raise UnknownEmail(name) from None
