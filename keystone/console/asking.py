"""Prompts on a terminal. Without a terminal, commands name the option to use instead."""

import sys
from typing import ClassVar

import typer
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.console.printing import printable
from keystone.exceptions import Refusal


class NoTerminal(Refusal):
    """A command needs to prompt, but there is no terminal."""

    code = "no_terminal"

    def __init__(self, option: str) -> None:
        text = gettext("This command asks a question, and there is no terminal to answer on. Use %(option)s.")
        super().__init__(text % {"option": option})


class Declined(Refusal):
    """The user did not confirm."""

    code = "declined"
    message: ClassVar[str | Promise] = _("Nothing was changed.")


def has_terminal() -> bool:
    """Return whether a user can see and answer a prompt."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, *, yes: bool, option: str = "--yes") -> None:
    """Ask for confirmation, and raise an exception without it.

    Args:
        yes: whether an option has confirmed already.
        option: the name of that option.

    Raises:
        NoTerminal: there is no terminal to ask on.
        Declined: the answer is no.
    """
    if yes:
        return
    _need_terminal(option)
    if not typer.confirm(printable(question), err=True):
        raise Declined


def confirm_by_name(question: str, *, name: str, given: str | None, option: str) -> None:
    """Ask for confirmation by typing a name, for actions that can't be undone.

    Args:
        given: the name given by an option; None without the option.
        option: the name of that option.

    Raises:
        NoTerminal: there is no terminal to ask on.
        Declined: another name was given.
    """
    if given is None:
        _need_terminal(f"{option} {name}")
        given = typer.prompt(printable(question), err=True, default="", show_default=False)
    if given != name:
        text = gettext("That is not %(name)s. Nothing was changed.")
        raise Declined(text % {"name": name})


def ask(label: str, *, option: str, default: str | None = None) -> str:
    """Prompt for a line of text.

    Args:
        default: the value of an empty answer; not shown if empty. None repeats the prompt until there is an answer.

    Raises:
        NoTerminal: there is no terminal to ask on.
    """
    _need_terminal(option)
    answer: str = typer.prompt(label, default=default, show_default=bool(default), err=True)
    return answer


def ask_password(label: str, *, option: str) -> str:
    """Prompt for a new password twice, without showing it.

    Raises:
        NoTerminal: there is no terminal to ask on.
    """
    _need_terminal(option)
    answer: str = typer.prompt(label, hide_input=True, confirmation_prompt=gettext("Repeat it"), err=True)
    return answer


def _need_terminal(option: str) -> None:
    if not has_terminal():
        raise NoTerminal(option)
