"""Shell completion of variable names."""

from typer._click import Context, Parameter
from typer._click.shell_completion import CompletionItem

from keystone.environment.variables import environment


def complete_variable(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names that begin with the typed text, ignoring case."""
    return [CompletionItem(name) for name in environment().variables if name.startswith(incomplete.upper())]
