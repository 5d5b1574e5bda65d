"""The registry of mails: functions in `emails.py`, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Concatenate

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise

from keystone.mail.outgoing import Mail


class UnknownEmail(LookupError):  # noqa: N818 - named like `DoesNotExist`
    """No mail is registered under this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no mail {name!r}. There are: {', '.join(sorted(EMAILS))}.")


@dataclass(frozen=True)
class Email:
    """A kind of mail.

    Attributes:
        name: the name of its function and its template, used in the outbox.
        label: its name in lists.
        sample: invented data for its template, used by previews, test mails and tests.
        build: its function.
        needs_person: whether it is about a person, and not sent once their account is deleted.
        is_news: whether it reports an action that was taken while signed in to the account.
        goes_elsewhere: whether it goes to an email address that may be somebody else's. Then it is left out of the
            person's data export: its state could reveal whether the address has an account.
    """

    name: str
    label: str | Promise
    sample: Mapping[str, Any]
    build: Callable[..., Mail | None]
    needs_person: bool = True
    is_news: bool = False
    goes_elsewhere: bool = False

    def __call__(self, user: Any, **context: Any) -> Mail | None:
        """Return the mail for this person (see `email`)."""
        return None if user is None and self.needs_person else self.build(user, **context)


@dataclass(frozen=True)
class Choice:
    """A chooser's decision: which mail goes to whom.

    Attributes:
        name: the name that the mail is registered under.
        user: the user that it is about and goes to.
    """

    name: str
    user: Any


@dataclass(frozen=True)
class Chooser:
    """A function that decides, in a worker, which mail an email address gets.

    Attributes:
        name: the name of its function, used in the outbox until it has decided.
        label: the name in lists of a row that it has not decided on yet.
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
    """Register a function as a mail. It can be queued (see `outbox.queue`) by the function's name.

    The function is called in a worker while the mail is being sent, with the person and the row's context as keyword
    arguments. It reads the current data, creates the mail's tokens in transactions of its own, and returns the mail, or
    None if it is not needed any more.

    Args:
        label: the mail's name in lists; a lazy string.
        sample: invented data for the mail's template.
        needs_person: whether the mail is about a person. If not, the function may get None as the person.
        is_news, goes_elsewhere: see `Email`.

    Raises:
        ImproperlyConfigured: another module registers a mail under this name.
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
    """Register a function that decides which mail an email address gets. It is queued by the function's name.

    Queueing then looks the same and takes the same time whether or not the address has an account. The function is
    called in a worker, in a transaction, with the address and the row's context as keyword arguments. The row becomes
    the mail that it chooses. If it returns None, the row is deleted.

    Args:
        label: the row's name in lists until then; a lazy string.
    """

    def register(
        function: Callable[Concatenate[str, P], Choice | None],
    ) -> Callable[Concatenate[str, P], Choice | None]:
        known = CHOOSERS.get(function.__name__)
        if function.__name__ in EMAILS or (known and known.choose.__module__ != function.__module__):
            raise ImproperlyConfigured(f"{function.__module__} registers {function.__name__!r}, which is taken.")
        CHOOSERS[function.__name__] = Chooser(function.__name__, label, function)
        return function

    return register


def label_of(name: str) -> str:
    """Return a mail's name in lists; `name` itself if it is no longer registered."""
    kind = EMAILS.get(name) or CHOOSERS.get(name)
    return str(kind.label) if kind else name


def get(name: str) -> Email:
    """Return the mail registered as `name`.

    Raises:
        UnknownEmail: there is none.
    """
    try:
        return EMAILS[name]
    except KeyError:
        raise UnknownEmail(name) from None
