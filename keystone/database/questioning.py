"""Questions of `makemigrations`. Without a terminal they are refused instead of guessed."""

import sys
from typing import Any, NoReturn

from django.core.management.base import OutputWrapper
from django.db.migrations.questioner import InteractiveMigrationQuestioner, MigrationQuestioner
from django.db.migrations.state import ModelState
from django.utils.translation import gettext

from keystone.console.asking import has_terminal
from keystone.exceptions import Refusal


class NeedsAnswer(Refusal):
    """Only a person knows, and there is no terminal to ask on."""

    code = "needs_answer"

    def __init__(self, question: str) -> None:
        text = gettext("%(question)s There is no terminal to answer on; nothing was written.")
        super().__init__(text % {"question": question})


def questioner_for(label: str, *, dry_run: bool) -> MigrationQuestioner:
    """Who answers: whoever sits at the terminal; without one, nobody.

    Args:
        label: the branch that is asked about.
        dry_run: nothing is asked then. What may be a renaming counts as a removal and an addition.
    """
    if dry_run:
        return MigrationQuestioner(specified_apps={label}, dry_run=True)
    if has_terminal():
        return InteractiveMigrationQuestioner(specified_apps={label}, prompt_output=OutputWrapper(sys.stderr))
    return _Nobody(specified_apps={label})


class _Nobody(MigrationQuestioner):
    """Django would take silence for an answer, and a renamed field for one that is dropped with its data."""

    def ask_not_null_addition(self, field_name: str, model_name: str) -> NoReturn:
        """Existing rows need a value."""
        text = gettext("Which value do existing rows have in the new field %(model)s.%(field)s? Give it a default.")
        raise NeedsAnswer(text % {"model": model_name, "field": field_name})

    def ask_auto_now_add_addition(self, field_name: str, model_name: str) -> NoReturn:
        """The same, of a time."""
        self.ask_not_null_addition(field_name, model_name)

    def ask_not_null_alteration(self, field_name: str, model_name: str) -> NoReturn:
        """Existing rows may have none."""
        text = gettext("Which value do rows get that have none in %(model)s.%(field)s? Give it a default.")
        raise NeedsAnswer(text % {"model": model_name, "field": field_name})

    def ask_rename(self, model_name: str, old_name: str, new_name: str, field_instance: Any) -> NoReturn:
        """Or is the old one dropped, with its data?"""
        text = gettext("Was %(model)s.%(old)s renamed to %(new)s?")
        raise NeedsAnswer(text % {"model": model_name, "old": old_name, "new": new_name})

    def ask_rename_model(self, old_model_state: ModelState, new_model_state: ModelState) -> NoReturn:
        """Or is the old one dropped, with its rows?"""
        text = gettext("Was the model %(old)s renamed to %(new)s?")
        raise NeedsAnswer(text % {"old": old_model_state.name, "new": new_model_state.name})

    def ask_unique_callable_default_addition(self, field_name: str, model_name: str) -> NoReturn:
        """Every existing row would get the same."""
        text = gettext("How do existing rows get different values in the new field %(model)s.%(field)s?")
        raise NeedsAnswer(text % {"model": model_name, "field": field_name})
