"""Shell completion of branches and migrations, without a database connection."""

from collections import Counter
from typing import Any

from django.db.migrations.loader import MigrationLoader
from typer._click import Context, Parameter
from typer._click.shell_completion import CompletionItem

from keystone.database.branches import CORE, branches, own_labels

Offered = list[CompletionItem]


def complete_branch(context: Context, parameter: Parameter, incomplete: str) -> Offered:
    """Complete the label of any branch."""
    return _beginning([(label, "") for label in _migrations()], incomplete)


def complete_own_branch(context: Context, parameter: Parameter, incomplete: str) -> Offered:
    """Complete the label of Keystone's branch or one of the project's."""
    return _beginning([(label, "") for label in own_labels()], incomplete)


def complete_migration(context: Context, parameter: Parameter, incomplete: str) -> Offered:
    """Complete a migration's name, within the given branch if there is one.

    A name that exists in several branches is offered as `branch.name`.
    """
    found = _migrations()
    branch: Any = context.params.get("branch")
    if branch:
        return _beginning([(name, branch) for name in found.get(branch, [])], incomplete)
    if "." in incomplete:
        return _beginning([(f"{label}.{name}", label) for label in found for name in found[label]], incomplete)
    times = Counter(name for names in found.values() for name in names)
    listed = [
        (name if times[name] == 1 else f"{label}.{name}", label) for label, names in found.items() for name in names
    ]
    return _beginning(listed, incomplete)


def complete_way_back(context: Context, parameter: Parameter, incomplete: str) -> Offered:
    """Complete the target of `downgrade`, which is looked up in Keystone's branch if none is given."""
    found = _migrations()
    branch: Any = context.params.get("branch")
    if not branch and "." in incomplete:
        return complete_migration(context, parameter, incomplete)
    label = branch or CORE
    return _beginning([(name, label) for name in [*found.get(label, []), "base"]], incomplete)


def complete_branch_or_migration(context: Context, parameter: Parameter, incomplete: str) -> Offered:
    """Complete a branch, then a migration."""
    return [
        *complete_branch(context, parameter, incomplete),
        *complete_migration(context, parameter, incomplete),
    ]


def _beginning(listed: list[tuple[str, str]], incomplete: str) -> Offered:
    return [CompletionItem(name, help=said) for name, said in listed if name.startswith(incomplete)]


def _migrations() -> dict[str, list[str]]:
    """Return the migration names of each branch, or nothing if the migrations cannot be loaded."""
    try:
        return {found.label: found.pending for found in branches(MigrationLoader(None))}
    except Exception:  # noqa: BLE001 - a broken migration can raise anything, and completion cannot report it
        return {}
