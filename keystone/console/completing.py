"""Shell completion that never fails."""

from typing import Any

from django.apps import apps
from django.db import DatabaseError
from typer._click import Context, Parameter
from typer._click.shell_completion import CompletionItem

from keystone.email_address import beginning

MOST = 50
NAMED = ("email", "first_name", "last_name")


def complete_address(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the email addresses of people that begin with the typed text."""
    people: Any = apps.get_model("keystone", "User").objects
    try:
        found = people.filter(email_normalized__startswith=beginning(incomplete)).order_by("email_normalized")
        return [CompletionItem(user.email, help=user.get_full_name()) for user in found.only(*NAMED)[:MOST]]
    except DatabaseError:
        return []
