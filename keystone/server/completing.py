"""Shell completion of settings."""

from typer._click import Context, Parameter
from typer._click.shell_completion import CompletionItem

from keystone.environment.variables import environment


def complete_variable(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """The names that begin so, in capitals or not."""
    return [CompletionItem(name) for name in environment().variables if name.startswith(incomplete.upper())]
