"""Map the columns of a file to those of an importer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from import_export.widgets import Widget

from keystone.data.cells import accepted
from keystone.data.declarations import Importer
from keystone.data.outcomes import ImportOptions
from keystone.data.reasons import reason_of
from keystone.data.resources import ReportingResource, key_fields
from keystone.exceptions import Refusal


class WrongColumns(Refusal):
    """A file lacks columns, or has unknown ones."""

    code = "wrong_columns"
    status = 400


@dataclass(frozen=True)
class Columns:
    """The columns of a file.

    Attributes:
        ours: our column names by the file's names, without ignored columns.
        importer: the importer that they belong to.
        widgets: the widget that reads the cells, by our column name.
    """

    ours: Mapping[str, str]
    importer: Importer
    widgets: Mapping[str, Widget]

    @property
    def names(self) -> tuple[str, ...]:
        """Our column names, in the order of the file."""
        return tuple(self.ours.values())

    def taken_over(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """Return the cells of a row by our column names, transformed and checked.

        Raises:
            ValidationError: a transform or a check refuses them, or a value is not suitable for its column.
        """
        row = {ours: cells.get(theirs, "") for theirs, ours in self.ours.items()}
        errors: dict[str, str] = {}
        for column, cell in row.items():
            transform = self.importer.transforms.get(column)
            try:
                value = cell if transform is None else transform(cell)
                row[column] = accepted(value, self.widgets.get(column))
            except (ValueError, ValidationError) as error:
                errors[column] = reason_of(error)
        if errors:
            raise ValidationError({column: [text] for column, text in errors.items()})
        for check in self.importer.checks:
            check(row)
        return row


def columns_known(resource: ReportingResource) -> tuple[str, ...]:
    """Return the columns that a resource accepts, in its order."""
    return tuple(str(field.column_name) for field in resource.get_import_fields() if not field.readonly)


def columns_required(importer: Importer, resource: ReportingResource) -> tuple[str, ...]:
    """Return the columns that a file must have: the key columns, and those that the importer requires."""
    keys = (
        []
        if list(resource.get_import_id_fields()) == ["id"]
        else [str(field.column_name) for field in key_fields(resource)]
    )
    return tuple(dict.fromkeys([*keys, *importer.required]))


def fields_of_columns(resource: ReportingResource, columns: Iterable[str], *, importer: Importer) -> tuple[str, ...]:
    """Return the names of the fields for columns that are to identify rows.

    Raises:
        WrongColumns: there is no such column, or the importer has its own key.
    """
    columns = tuple(columns)
    if columns and importer.has_own_key:
        own = ", ".join(str(field.column_name) for field in key_fields(resource))
        text = gettext("The importer %(name)s can identify rows only by %(columns)s.")
        raise WrongColumns(text % {"name": importer.name, "columns": own})
    by_column = {str(field.column_name): name for name, field in resource.fields.items()}
    unknown = [column for column in columns if column not in by_column]
    if unknown:
        raise WrongColumns(_unknown(unknown, columns_known(resource)))
    return tuple(by_column[column] for column in columns)


def match(importer: Importer, resource: ReportingResource, theirs: Iterable[str], options: ImportOptions) -> Columns:
    """Map the file's columns to ours: by the options, by the importer's declaration, and by the names themselves.

    Raises:
        WrongColumns: columns are missing, unknown, or map to the same name.
    """
    theirs = tuple(theirs)
    known = columns_known(resource)
    wrong = [ours for ours in options.columns.values() if ours not in known]
    if wrong:
        raise WrongColumns(_unknown(wrong, known))
    absent = [name for name in options.columns if _plain(name) not in set(map(_plain, theirs))]
    if absent:
        raise WrongColumns(_missing(absent, theirs))
    names = {_plain(name): name for name in known}
    names |= {_plain(name): ours for name, ours in importer.columns.items()}
    names |= {_plain(name): ours for name, ours in options.columns.items()}
    found = {name: names[_plain(name)] for name in theirs if _plain(name) in names}
    unknown = [name for name in theirs if name not in found]
    double = {ours: [name for name in found if found[name] == ours] for ours in found.values()}
    for ours, same in double.items():
        if len(same) > 1:
            text = gettext("The columns %(columns)s both map to %(name)s.")
            raise WrongColumns(text % {"columns": ", ".join(same), "name": ours})
    missing = [name for name in columns_required(importer, resource) if name not in found.values()]
    if missing:
        raise WrongColumns(_missing(missing, theirs))
    if unknown and not options.ignore_unknown:
        hint = gettext("Map them with --map THEIRS=OURS, or skip them with --ignore-unknown.")
        raise WrongColumns(f"{_unknown(unknown, known)} {hint}")
    if not found:
        raise WrongColumns(_missing(known, theirs))
    widgets = {str(field.column_name): field.widget for field in resource.get_import_fields()}
    return Columns(found, importer, widgets)


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _missing(names: Iterable[str], theirs: Iterable[str]) -> str:
    text = gettext("Missing columns: %(names)s. The file has: %(theirs)s.")
    return text % {"names": ", ".join(names), "theirs": ", ".join(theirs)}


def _unknown(names: Iterable[str], known: Iterable[str]) -> str:
    text = gettext("Unknown columns: %(names)s. The importer accepts: %(known)s.")
    return text % {"names": ", ".join(names), "known": ", ".join(known)}
