"""Questions of `makemigrations`. Without a terminal they raise an error instead of being guessed."""

import sys
from typing import Any, NoReturn

from django.core.management.base import OutputWrapper
from django.db.migrations.questioner import InteractiveMigrationQuestioner, MigrationQuestioner
from django.db.migrations.state import ModelState
from django.utils.translation import gettext

from keystone.console.asking import has_terminal
from keystone.exceptions import Refusal


class NeedsAnswer(Refusal):
    """A question needs an answer and there is no terminal."""

    code = "needs_answer"

    def __init__(self, question: str) -> None:
        text = gettext("%(question)s There is no terminal to answer on; nothing was written.")
        super().__init__(text % {"question": question})


def questioner_for(label: str, *, dry_run: bool) -> MigrationQuestioner:
    """Return a questioner that asks on the terminal, or raises an error if there is none.

    Args:
        label: the branch that the questions are about.
        dry_run: ask nothing. A possible rename counts as a removal and an addition.
    """
    if dry_run:
        return MigrationQuestioner(specified_apps={label}, dry_run=True)
    if has_terminal():
        return InteractiveMigrationQuestioner(specified_apps={label}, prompt_output=OutputWrapper(sys.stderr))
    return _Nobody(specified_apps={label})


class _Nobody(MigrationQuestioner):
    """A questioner that raises an error for every question.

    Django's default answers would turn the rename of a field into a removal, which loses its data.
    """

    def ask_not_null_addition(self, field_name: str, model_name: str) -> NoReturn:
        text = gettext("Which value should existing rows get in the new field %(model)s.%(field)s? Give it a default.")
        raise NeedsAnswer(text % {"model": model_name, "field": field_name})

    def ask_auto_now_add_addition(self, field_name: str, model_name: str) -> NoReturn:
        self.ask_not_null_addition(field_name, model_name)

    def ask_not_null_alteration(self, field_name: str, model_name: str) -> NoReturn:
        text = gettext("Which value should rows get that have none in %(model)s.%(field)s? Give it a default.")
        raise NeedsAnswer(text % {"model": model_name, "field": field_name})

    def ask_rename(self, model_name: str, old_name: str, new_name: str, field_instance: Any) -> NoReturn:
        text = gettext("Was %(model)s.%(old)s renamed to %(new)s?")
        raise NeedsAnswer(text % {"model": model_name, "old": old_name, "new": new_name})

    def ask_rename_model(self, old_model_state: ModelState, new_model_state: ModelState) -> NoReturn:
        text = gettext("Was the model %(old)s renamed to %(new)s?")
        raise NeedsAnswer(text % {"old": old_model_state.name, "new": new_model_state.name})

    def ask_unique_callable_default_addition(self, field_name: str, model_name: str) -> NoReturn:
        text = gettext("How should existing rows get unique values in the new field %(model)s.%(field)s?")
        raise NeedsAnswer(text % {"model": model_name, "field": field_name})
