"""Shell completion of backup names."""

from pathlib import Path

from typer._click import Context, Parameter
from typer._click.shell_completion import CompletionItem

from keystone.database.backup.finding import backups, default_folder


def complete_backup(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a backup in the folder, or a path."""
    folder = context.params.get("folder")
    try:
        found = backups(Path(folder) if folder else default_folder())
    except OSError:
        return []
    names = [CompletionItem(one.path.name) for one in found if one.manifest and one.path.name.startswith(incomplete)]
    return [*names, CompletionItem(incomplete, type="dir")]
