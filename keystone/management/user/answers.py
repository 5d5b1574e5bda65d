"""Prompt for a user's data on a terminal until it is valid. Passwords are never displayed."""

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

LONGEST_READ = 4 * MAX_PASSWORD_LENGTH + len("\r\n")  # bytes; longer input cannot be a valid password


class PasswordUnreadable(Refusal):
    """Standard input does not contain a password."""

    code = "password_unreadable"
    status = 400


def until_it_fits(ask: Callable[[], str], check: Callable[[str], Any]) -> str:
    """Ask until `check` raises no error, and display the errors."""
    while True:
        answer = ask()
        try:
            check(answer)
        except (Refusal, ValidationError) as error:
            typer.echo(printable(" ".join(_reasons(error))), err=True)
        else:
            return answer


def check_address(address: str) -> None:
    """Check that an email address is valid and free.

    Raises:
        ValidationError: it is invalid.
        AddressTaken: somebody has it in any spelling.
    """
    refuse_taken(address)


def check_name(name: str) -> None:
    """Check that a name is valid and not too long.

    Raises:
        ValidationError: it is not.
    """
    validate_name(name)
    User._meta.get_field("first_name").clean(name, None)  # the last name has the same limit


def check_password(password: str, user: User) -> None:
    """Check a password with the validators.

    Raises:
        PasswordRefused: they do not accept it; the error contains their reasons.
    """
    try:
        password.encode()
    except UnicodeEncodeError:
        raise PasswordRefused(fields={"password": [gettext("It is not valid UTF-8.")]}) from None
    require_acceptable(password, user, field="password")


def ask_fitting_password(user: User, *, option: str) -> str:
    """Prompt for a new password twice, without echo, until the validators accept it.

    Raises:
        NoTerminal: there is no terminal; the message names `option`.
    """
    return until_it_fits(
        lambda: ask_password(gettext("Password"), option=option), lambda password: check_password(password, user)
    )


def read_password(user: User) -> str:
    """Read a password from standard input, without the line break at its end.

    If standard input is a terminal, which would echo it, prompt for the password instead.

    Raises:
        PasswordUnreadable: there is nothing, or more than a password.
        PasswordRefused: the validators do not accept it.
    """
    if sys.stdin.isatty():
        return ask_fitting_password(user, option="--password-stdin < FILE")
    raw = sys.stdin.buffer.read(LONGEST_READ + 1)
    if len(raw) > LONGEST_READ:
        raise PasswordUnreadable(gettext("Standard input contains more than a password."))
    try:
        password = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise PasswordUnreadable(gettext("The password in standard input is not valid UTF-8.")) from None
    if not password:
        raise PasswordUnreadable(gettext("Standard input contains no password."))
    if not {"\n", "\r"}.isdisjoint(password):
        raise PasswordUnreadable(gettext("Standard input contains more than one line."))
    check_password(password, user)
    return password


def _reasons(error: Refusal | ValidationError) -> list[str]:
    if isinstance(error, ValidationError):
        return error.messages
    return [reason for reasons in error.fields.values() for reason in reasons] or [error.detail]
