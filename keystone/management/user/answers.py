"""Ask for a user's data on a terminal until it is valid; passwords are never shown."""

import sys
from collections.abc import Callable
from typing import Any

import typer
from django.core.exceptions import ValidationError
from django.utils.translation import gettext

from keystone.accounts.models import User
from keystone.accounts.names import validate_name
from keystone.accounts.passwords import PasswordRefused, require_acceptable
from keystone.accounts.registration import refuse_taken
from keystone.console.asking import ask_password
from keystone.console.printing import printable
from keystone.exceptions import Refusal
from keystone.passwords.rules import MAX_PASSWORD_LENGTH

LONGEST_READ = 4 * MAX_PASSWORD_LENGTH + len("\r\n")  # bytes; what is longer is no password


class PasswordUnreadable(Refusal):
    """What stands in standard input is no password."""

    code = "password_unreadable"
    status = 400


def until_it_fits(ask: Callable[[], str], check: Callable[[str], Any]) -> str:
    """Ask until `check` raises nothing; what it raises is told."""
    while True:
        answer = ask()
        try:
            check(answer)
        except (Refusal, ValidationError) as error:
            typer.echo(printable(" ".join(_reasons(error))), err=True)
        else:
            return answer


def check_address(address: str) -> None:
    """Refuse what is no address, and one that somebody has.

    Raises:
        ValidationError: it is none.
        AddressTaken: somebody has it in any spelling.
    """
    refuse_taken(address)


def check_name(name: str) -> None:
    """Refuse what is no name, or too long for one.

    Raises:
        ValidationError: it is.
    """
    validate_name(name)
    User._meta.get_field("first_name").clean(name, None)  # the last name may be as long


def check_password(password: str, user: User) -> None:
    """Refuse a password that the validators do not accept.

    Raises:
        PasswordRefused: with their reasons.
    """
    try:
        password.encode()
    except UnicodeEncodeError:
        raise PasswordRefused(fields={"password": [gettext("It is not text in UTF-8.")]}) from None
    require_acceptable(password, user, field="password")


def ask_fitting_password(user: User, *, option: str) -> str:
    """Ask for a new password of a person, twice and unseen, until the validators accept it.

    Raises:
        NoTerminal: nobody can answer; the refusal names `option`.
    """
    return until_it_fits(
        lambda: ask_password(gettext("Password"), option=option), lambda password: check_password(password, user)
    )


def read_password(user: User) -> str:
    """The password that stands in standard input, a line of its own; a line break at its end is no part of it.

    Where that is a terminal, which would show it, it is asked for instead.

    Raises:
        PasswordUnreadable: there is nothing, or more than a password.
        PasswordRefused: the validators do not accept it.
    """
    if sys.stdin.isatty():
        return ask_fitting_password(user, option="--password-stdin < FILE")
    raw = sys.stdin.buffer.read(LONGEST_READ + 1)
    if len(raw) > LONGEST_READ:
        raise PasswordUnreadable(gettext("Standard input holds more than a password."))
    try:
        password = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise PasswordUnreadable(gettext("The password in standard input is not text in UTF-8.")) from None
    if not password:
        raise PasswordUnreadable(gettext("There is no password in standard input."))
    if not {"\n", "\r"}.isdisjoint(password):
        raise PasswordUnreadable(gettext("Standard input holds more than one line."))
    check_password(password, user)
    return password


def _reasons(error: Refusal | ValidationError) -> list[str]:
    if isinstance(error, ValidationError):
        return error.messages
    return [reason for reasons in error.fields.values() for reason in reasons] or [error.detail]
