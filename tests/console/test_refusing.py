"""How commands refuse."""

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management import CommandError
from django.db import InterfaceError, OperationalError

from keystone.console.refusing import refusals_told
from keystone.exceptions import Refusal


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (Refusal("No."), "No."),
        (
            Refusal("No.", fields={"email": ["Wrong.", "Long."], "name": ["Empty."]}),
            "No. email: Wrong. Long. name: Empty.",
        ),
        (Refusal("No.", fields={"email": ["No."]}), "No."),
        (Refusal("Never\n\x1b[2Jforged"), "Never  [2Jforged"),
        (ValidationError(["One.", "Two."]), "One. Two."),
        (ImproperlyConfigured("DATABASE_URL is wrong."), "DATABASE_URL is wrong."),
        (OperationalError("it\n\tis away"), "Database error: it is away"),
        (InterfaceError("closed"), "Database error: closed"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_refusal_is_one_line(error: Exception, line: str) -> None:
    with pytest.raises(CommandError) as raised, refusals_told():
        raise error
    assert str(raised.value) == line
    assert raised.value.returncode == 1


def test_other_errors_are_no_refusals() -> None:
    with pytest.raises(KeyError), refusals_told():
        raise KeyError("a fault of the program")


def test_what_is_done_stays_done() -> None:
    with refusals_told():
        done = True
    assert done
