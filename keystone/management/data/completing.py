"""Shell completion of importers, seeders, scripts and pipelines."""

from collections.abc import Callable, Mapping
from typing import Any

from typer._click import Context, Parameter
from typer._click.shell_completion import CompletionItem

from keystone.data.columns import columns_known
from keystone.data.declarations import Importer, Pipeline, Script, Seeder
from keystone.data.registry import importers, pipelines, scripts, seeders
from keystone.data.resources import resource_of

type Offered = list[CompletionItem]
type Declared = Importer | Seeder | Script | Pipeline


def complete_importer(context: Context, parameter: Parameter, incomplete: str) -> Offered:
    """Complete the name of an importer."""
    return _names(importers, incomplete)


def complete_seeder(context: Context, parameter: Parameter, incomplete: str) -> Offered:
    """Complete the name of a seeder."""
    return _names(seeders, incomplete)


def complete_script(context: Context, parameter: Parameter, incomplete: str) -> Offered:
    """Complete the name of a script."""
    return _names(scripts, incomplete)


def complete_pipeline(context: Context, parameter: Parameter, incomplete: str) -> Offered:
    """Complete the name of a pipeline."""
    return _names(pipelines, incomplete)


def complete_column(context: Context, parameter: Parameter, incomplete: str) -> Offered:
    """Complete a column of the importer that was typed before."""
    try:
        columns = columns_known(resource_of(importers()[_name_in(context)]))
    except Exception:  # noqa: BLE001 - as below, or no name is typed
        return []
    return [CompletionItem(column) for column in columns if column.startswith(incomplete)]


def complete_step(context: Context, parameter: Parameter, incomplete: str) -> Offered:
    """Complete a step of the pipeline that was typed before."""
    try:
        steps = pipelines()[_name_in(context)].steps
    except Exception:  # noqa: BLE001 - as below, or no name is typed
        return []
    return [CompletionItem(step.name, help=str(step.kind.label)) for step in steps if step.name.startswith(incomplete)]


def _name_in(context: Context) -> str:
    """Return the name that was typed before.

    It is not among the parsed parameters if the line ends with an option whose value is missing.
    """
    return str(context.params.get("name") or next(iter(context.args), ""))


def _names(declared: Callable[[], Mapping[str, Any]], incomplete: str) -> Offered:
    try:
        found: list[Declared] = [one for name, one in declared().items() if name.startswith(incomplete)]
    except Exception:  # noqa: BLE001 - an app's module can raise anything, and completion cannot report it
        return []
    return [CompletionItem(one.name, help=str(one.description)) for one in found]
