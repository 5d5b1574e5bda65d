"""Prompts on a terminal. Without a terminal, commands say which option to give instead."""

import sys
from typing import ClassVar

import typer
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.console.printing import printable
from keystone.exceptions import Refusal


class NoTerminal(Refusal):
    """Something is to be asked, and nobody can answer."""

    code = "no_terminal"

    def __init__(self, option: str) -> None:
        text = gettext("This asks, and there is no terminal to answer on. Give %(option)s.")
        super().__init__(text % {"option": option})


class Declined(Refusal):
    """Whoever was asked said no."""

    code = "declined"
    message: ClassVar[str | Promise] = _("Nothing was changed.")


def has_terminal() -> bool:
    """Whether somebody sees a question and can answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, *, yes: bool, option: str = "--yes") -> None:
    """Go on only if the answer is yes.

    Args:
        yes: whether that was said by an option already.
        option: which one it is.

    Raises:
        NoTerminal: nobody can answer.
        Declined: the answer is no.
    """
    if yes:
        return
    _need_terminal(option)
    if not typer.confirm(printable(question), err=True):
        raise Declined


def confirm_by_name(question: str, *, name: str, given: str | None, option: str) -> None:
    """Go on only if a name is typed: for what cannot be undone, so that nobody does it to another thing by habit.

    Args:
        given: the name as an option said it; None where it did not.
        option: which one it is.

    Raises:
        NoTerminal: nobody can answer.
        Declined: another name was given.
    """
    if given is None:
        _need_terminal(f"{option} {name}")
        given = typer.prompt(printable(question), err=True, default="", show_default=False)
    if given != name:
        text = gettext("That is not %(name)s. Nothing was changed.")
        raise Declined(text % {"name": name})


def ask(label: str, *, option: str, default: str | None = None) -> str:
    """Ask for a line.

    Args:
        default: what an empty answer stands for; an empty one is not shown. None asks until something is said.

    Raises:
        NoTerminal: nobody can answer.
    """
    _need_terminal(option)
    answer: str = typer.prompt(label, default=default, show_default=bool(default), err=True)
    return answer


def ask_password(label: str, *, option: str) -> str:
    """Ask for a new password, twice; it is not shown.

    Raises:
        NoTerminal: nobody can answer.
    """
    _need_terminal(option)
    answer: str = typer.prompt(label, hide_input=True, confirmation_prompt=gettext("Once more"), err=True)
    return answer


def _need_terminal(option: str) -> None:
    if not has_terminal():
        raise NoTerminal(option)
