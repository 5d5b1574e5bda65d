"""`data importer`: import files into tables."""

from pathlib import Path
from typing import Annotated, Any

from django.core.management.base import CommandError
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand, group
from typer import Argument, Option

from keystone.actors.actor import Actor
from keystone.console.asking import confirm
from keystone.console.options import Json, Yes
from keystone.console.printing import print_json, print_table
from keystone.console.progress import progress_shown
from keystone.console.refusing import refusals_told
from keystone.data.columns import columns_known, columns_required
from keystone.data.declarations import Existing, Importer
from keystone.data.importing import refuse_contradictions, run_import
from keystone.data.models import Kind
from keystone.data.outcomes import SHOWN, ImportOptions, ImportResult, RowsRefused
from keystone.data.registry import importers, named
from keystone.data.resources import key_fields, resource_of
from keystone.management.data.completing import complete_column, complete_importer
from keystone.management.data.options import pairs
from keystone.management.data.outcomes import print_import, print_outcome, print_refusals, print_trial
from keystone.management.data.runs import failures_told

PARTLY = 3  # exit status if only some of the rows were written
MOST = 10_000  # maximum number of listed rows, which are all held in memory
TAB = r"\t"  # as typed on the command line


class Importers(TyperCommand):
    """The `importer` group."""

    @group(name="importer", help=str(_("Import files into tables.")))
    def importer(self) -> None:
        """Do nothing: the commands have no common options."""

    @importer.command(name="list", help=str(_("List the importers and their columns.")))
    def list_importers(self, *, as_json: Json = False) -> None:
        """Print the importers.

        Raises:
            CommandError: a declaration is wrong.
        """
        with refusals_told():
            declared = sorted(importers().items())
        found = []
        for name, importer in declared:
            with failures_told(Kind.IMPORTER, name):  # its resource is code of an app
                found.append(_as_data(importer))
        if as_json:
            print_json(self.stdout, {"importers": found})
            return
        if not found:
            self.stdout.write(gettext("No app declares an importer."))
            return
        headings = (gettext("Name"), gettext("What it imports"), gettext("Columns"), gettext("Rows identified by"))
        print_table(self.stdout, (*headings, gettext("Existing rows")), [_row(one) for one in found])
        self.stdout.write(gettext("* required"))

    @importer.command(name="run", help=str(_("Import a CSV or XLSX file: all of its rows or none.")))
    def import_file(
        self,
        name: Annotated[str, Argument(help=str(_("The importer.")), shell_complete=complete_importer)],
        *,
        file: Annotated[Path, Option("--file", "-f", help=str(_("A CSV or XLSX file with a header row.")))],
        dry_run: Annotated[
            bool, Option("--dry-run", help=str(_("Only show what would be changed and refused.")))
        ] = False,
        partial: Annotated[
            bool, Option("--partial", help=str(_("Write the valid rows even if others are refused.")))
        ] = False,
        truncate: Annotated[
            bool, Option("--truncate", "-t", help=str(_("Empty the table first, after a confirmation.")))
        ] = False,
        yes: Yes = False,
        resume: Annotated[
            bool, Option("--resume", help=str(_("Continue an interrupted --partial import of this file.")))
        ] = False,
        restart: Annotated[bool, Option("--restart", help=str(_("Start an interrupted import over.")))] = False,
        existing: Annotated[
            Existing | None, Option(help=str(_("What to do with existing rows; the importer decides by default.")))
        ] = None,
        skip_empty: Annotated[
            bool, Option("--skip-empty", "-s", help=str(_("Skip empty rows instead of refusing them.")))
        ] = False,
        unique: Annotated[
            list[str] | None,
            Option(
                "--unique",
                "-u",
                metavar="COLUMN",
                help=str(_("A column that identifies rows; can be repeated.")),
                shell_complete=complete_column,
            ),
        ] = None,
        mapped: Annotated[
            list[str] | None,
            Option("--map", metavar="THEIRS=OURS", help=str(_("The file's name for a column; can be repeated."))),
        ] = None,
        ignore_unknown: Annotated[
            bool, Option("--ignore-unknown", help=str(_("Skip columns that the importer does not know.")))
        ] = False,
        encoding: Annotated[str, Option(help=str(_("The encoding of a CSV file.")))] = "utf-8-sig",
        delimiter: Annotated[
            str | None,
            Option(help=str(_("The delimiter of a CSV file, \\t for a tab; detected from the header by default."))),
        ] = None,
        sheet: Annotated[str | None, Option(help=str(_("The sheet of an XLSX file; the first by default.")))] = None,
        refused: Annotated[
            Path | None, Option(help=str(_("The file for refused rows; beside the imported file by default.")))
        ] = None,
        show: Annotated[
            int, Option(min=0, max=MOST, help=str(_("How many changed and refused rows to list.")))
        ] = SHOWN,
        as_json: Json = False,
    ) -> None:
        """Import a file.

        Raises:
            CommandError: the file or an option is wrong, or rows were refused. The exit status is 3 if the other rows
                were written, and 1 otherwise.
        """
        options = ImportOptions(
            file=file,
            trial=dry_run,
            partial=partial,
            truncate=truncate,
            resume=resume,
            restart=restart,
            existing=existing,
            skip_empty=skip_empty,
            unique=tuple(unique or ()),
            columns=pairs(mapped, option="--map", form="THEIRS=OURS", sign="last"),
            ignore_unknown=ignore_unknown,
            encoding=encoding,
            delimiter="\t" if delimiter == TAB else delimiter,
            sheet=sheet,
            refused=refused,
            shown=show,
        )
        with failures_told(Kind.IMPORTER, name, stopped=_left(options)):
            importer = named(importers(), Kind.IMPORTER, name)
            refuse_contradictions(importer, options)
            if truncate and not dry_run:
                confirm(_question(importer), yes=yes)
            try:
                with progress_shown() as shown:
                    imported = run_import(name, options, by=Actor.cli(), shown=shown)
            except RowsRefused as refusal:
                if as_json:
                    print_outcome(self, refusal.imported)
                else:
                    print_refusals(self, refusal.imported)
                raise
        if as_json:
            print_outcome(self, imported)
        elif dry_run:
            print_trial(self, imported)
        else:
            print_import(self, imported, resumed=resume)
        _refuse_in_part(imported, is_trial=dry_run)


def _refuse_in_part(imported: ImportResult, *, is_trial: bool) -> None:
    count = imported.counts.refused
    if not count:
        return
    if is_trial:
        text = ngettext("%(count)d row would be refused.", "%(count)d rows would be refused.", count)
        raise CommandError(text % {"count": count})
    text = ngettext(
        "%(count)d row was refused; the others are imported.",
        "%(count)d rows were refused; the others are imported.",
        count,
    )
    raise CommandError(text % {"count": count}, returncode=PARTLY)


def _left(options: ImportOptions) -> str:
    """Return a message about what remains if the import is stopped."""
    if options.partial and not options.trial:
        return gettext("What it wrote is kept. Continue with --partial --resume, or start over with --restart.")
    return gettext("Nothing was written.")


def _question(importer: Importer) -> str:
    model: Any = importer.resource._meta.model
    text = gettext("All rows of the table of %(rows)s will be deleted first. Continue?")
    return text % {"rows": model._meta.verbose_name_plural}


def _as_data(importer: Importer) -> dict[str, Any]:
    resource = resource_of(importer)
    return {
        "name": importer.name,
        "description": importer.description,
        "columns": columns_known(resource),
        "required": columns_required(importer, resource),
        "unique": [field.column_name for field in key_fields(resource)],
        "other_names": dict(importer.columns),
        "existing": importer.existing.value,
        "truncatable": importer.truncatable,
    }


def _row(importer: dict[str, Any]) -> list[str]:
    policies = {
        Existing.UPDATE: gettext("are updated"),
        Existing.SKIP: gettext("are skipped"),
        Existing.REFUSE: gettext("are refused"),
    }
    columns = [f"{column}*" if column in importer["required"] else column for column in importer["columns"]]
    return [
        importer["name"],
        str(importer["description"]),
        ", ".join(columns),
        ", ".join(importer["unique"]),
        policies[Existing(importer["existing"])],
    ]
