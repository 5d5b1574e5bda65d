"""Prepare a declared resource: record what each row changes, and look up existing rows in chunks."""

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any

from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist, ValidationError
from django.db import models
from django.utils.translation import gettext
from import_export.fields import Field
from import_export.instance_loaders import ModelInstanceLoader
from import_export.resources import ModelResource
from import_export.results import RowResult
from import_export.widgets import ManyToManyWidget
from tablib import Dataset

from keystone.actors.actor import Actor
from keystone.data.declarations import Existing, Importer

type Values = dict[str, tuple[Any, Any]]


class ImportRow(RowResult):
    """The result of a row.

    Attributes:
        values: the values before and after, by column.
    """

    def __init__(self) -> None:
        super().__init__()
        self.values: Values = {}


class ChunkLoader(ModelInstanceLoader):
    """An instance loader that finds the existing rows of a chunk in one query, by any number of columns."""

    def __init__(self, resource: Any, dataset: Any = None) -> None:
        super().__init__(resource, dataset)
        self.fields = key_fields(resource)
        self.found: dict[tuple[Any, ...], list[models.Model]] = {}
        keys = [key for row in dataset.dict if (key := self._key(row)) is not None]
        if not keys:
            return
        lookups = {f"{field.attribute}__in": {key[place] for key in keys} for place, field in enumerate(self.fields)}
        for instance in self.get_queryset().filter(**lookups):
            key = tuple(field.get_value(instance) for field in self.fields)
            self.found.setdefault(key, []).append(instance)

    def get_instance(self, row: Mapping[str, Any]) -> models.Model | None:
        """Return the existing row, or None.

        Raises:
            ValidationError: several rows match.
        """
        found = self.found.get(tuple(field.clean(row) for field in self.fields), [])
        if len(found) > 1:
            raise ValidationError(
                gettext("The table has %(number)d rows that match this one.") % {"number": len(found)}
            )
        return found[0] if found else None

    def _key(self, row: Mapping[str, Any]) -> tuple[Any, ...] | None:
        try:
            key = tuple(field.clean(row) for field in self.fields)
            hash(key)
        except Exception:  # noqa: BLE001 - the row is refused when it is imported
            return None
        return None if all(value in Field.empty_values for value in key) else key


class ReportingResource(ModelResource):  # type: ignore[type-arg]  # at run time it takes no argument
    """A base class that is put before a declared resource, whose own overrides are called as well.

    Attributes:
        by: who imports.
        existing: what to do with rows that are already in the table.
        columns: the columns of the file.
    """

    by: Actor
    existing = Existing.UPDATE
    columns: tuple[str, ...] = ()
    _meta: Any  # the stubs know the model only by name

    @classmethod
    def get_row_result_class(cls) -> type[RowResult]:
        """Return a class that records what a row changes."""
        return ImportRow

    def import_row(self, row: Any, instance_loader: Any, **kwargs: Any) -> RowResult:
        """Import a row and record what it changes."""
        self._values: Values = {}
        result = super().import_row(row, instance_loader, **kwargs)
        if isinstance(result, ImportRow):
            result.values = self._values
        return result

    def get_or_init_instance(self, instance_loader: Any, row: Any) -> tuple[Any, bool]:
        """Return the existing row, or a new one.

        Raises:
            ValidationError: the row exists, and `existing` refuses such rows.
        """
        instance, is_new = super().get_or_init_instance(instance_loader, row)
        if not is_new and self.existing is Existing.REFUSE:
            raise ValidationError(gettext("The table already has this row."))
        self._is_new = is_new
        self._before = {} if is_new else self._read(instance, row)
        return instance, is_new

    def import_field(self, field: Any, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any) -> None:  # noqa: FBT001, FBT002 - the library's
        """Import a cell.

        Raises:
            ValueError: the value is invalid, or refers to something that does not exist.
        """
        try:
            if is_m2m:
                _refuse_unknown(field, row)
            super().import_field(field, instance, row, is_m2m, **kwargs)
        except ObjectDoesNotExist:
            raise ValueError(gettext("There is no “%(value)s”.") % {"value": row[field.column_name]}) from None
        except MultipleObjectsReturned:
            raise ValueError(gettext("There are several “%(value)s”.") % {"value": row[field.column_name]}) from None
        except ArithmeticError:
            raise ValueError(gettext("“%(value)s” is not a number.") % {"value": row[field.column_name]}) from None

    def skip_row(self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None) -> bool:
        """Return whether to skip the row because it is unchanged or must not be changed."""
        if not import_validation_errors:
            after = self._read(instance, row)
            missing = None if self._is_new else object()
            self._values = {
                column: (self._before.get(column), value)
                for column, value in after.items()
                if self._before.get(column, missing) != value
            }
            if not self._is_new and (self.existing is Existing.SKIP or not self._differs(instance, row)):
                self._values = {}
                return True
        return bool(super().skip_row(instance, original, row, import_validation_errors))

    def validate_instance(
        self,
        instance: Any,
        import_validation_errors: Any = None,
        validate_unique: bool = True,  # noqa: FBT001, FBT002 - the library's
    ) -> None:
        """Validate like a form. In bulk mode, checks that query the database for each row are left to the database."""
        errors = dict(import_validation_errors or {})
        if self._meta.use_bulk:
            related = {field.name for field in self._meta.model._meta.fields if field.is_relation}
            try:
                instance.full_clean(exclude={*errors, *related}, validate_unique=False, validate_constraints=False)
            except ValidationError as error:
                errors = error.update_error_dict(errors)
        super().validate_instance(instance, errors, validate_unique)

    def get_bulk_update_fields(self) -> list[str]:
        """Return only the fields of the file's columns and the `auto_now` fields."""
        mine = [
            str(field.attribute)
            for name, field in self.fields.items()
            if field.column_name in self.columns and not field.readonly and name not in self.get_import_id_fields()
        ]
        return [*mine, *(field.name for field in self._touched())]

    def bulk_update(self, *args: Any, **kwargs: Any) -> None:
        """Update the rows, including their `auto_now` fields."""
        touched = self._touched()
        for instance in self.update_instances:
            for field in touched:
                field.pre_save(instance, False)  # noqa: FBT003 - Django's
        super().bulk_update(*args, **kwargs)

    def handle_import_error(  # type: ignore[override]  # the stubs have two signatures, by whether it raises
        self,
        result: Any,
        error: Exception,
        raise_errors: bool = False,  # noqa: FBT001, FBT002 - the library's
    ) -> None:
        """Raise the original error; the library would wrap it and hide the database error."""
        raise error

    def take_back(self) -> None:
        """Discard the rows that wait to be written in bulk."""
        for waiting in (self.create_instances, self.update_instances, self.delete_instances):
            waiting.clear()

    def _touched(self) -> list[Any]:
        return [field for field in self._meta.model._meta.concrete_fields if getattr(field, "auto_now", False)]

    def _read(self, instance: Any, row: Mapping[str, Any]) -> dict[str, Any]:
        fields = (field for field in self.get_import_fields() if field.column_name in row and field.attribute)
        return {
            str(field.column_name): field.get_value(instance)
            for field in fields
            if not isinstance(field.widget, ManyToManyWidget)
        }

    def _differs(self, instance: Any, row: Mapping[str, Any]) -> bool:
        if self._values:
            return True
        for field in self.get_import_fields():
            if isinstance(field.widget, ManyToManyWidget) and field.column_name in row:
                _refuse_unknown(field, row)
                given = {one.pk for one in field.clean(dict(row))}
                there = field.get_value(instance)
                if given != set(there.values_list("pk", flat=True)):
                    column = str(field.column_name)
                    self._values = {column: (field.widget.render(there), row[column])}
                    return True
        return False


def resource_of(importer: Importer) -> ReportingResource:
    """Return a resource to import with. It has its own copy of the options, which can be changed safely."""
    made: Any = type(importer.resource.__name__, (ReportingResource, importer.resource), {})
    resource: ReportingResource = made()
    options = copy(resource._meta)
    if any(name not in resource.fields for name in options.import_id_fields):
        options.import_id_fields = []  # there is no key, so all rows are new
    options.skip_diff = options.skip_html_diff = True
    # In bulk mode, django-import-export skips many-to-many fields.
    has_many = any(isinstance(field.widget, ManyToManyWidget) for field in resource.get_import_fields())
    options.use_bulk = options.use_bulk and not has_many
    if options.instance_loader_class is ModelInstanceLoader:
        options.instance_loader_class = ChunkLoader
    resource._meta = options
    return resource


def set_key_fields(resource: ReportingResource, fields: Iterable[str]) -> None:
    """Identify rows by these fields instead of the declared ones."""
    resource._meta.import_id_fields = list(fields)


def _refuse_unknown(field: Any, row: Mapping[str, Any]) -> None:
    """Refuse names of related rows that do not exist, which the library's widget would ignore."""
    widget, given = field.widget, row.get(field.column_name)
    if not isinstance(given, str):
        return
    names = {name.strip() for name in given.split(widget.separator)} - {""}
    there = {str(getattr(one, widget.field)) for one in field.clean(dict(row))}
    if names - there:
        text = gettext("There is no “%(value)s”.") % {"value": ", ".join(sorted(names - there))}
        raise ValidationError({str(field.attribute): text})


def one_by_one(resource: ReportingResource) -> None:
    """Write each row separately, so that each error can be assigned to its row."""
    resource._meta.use_bulk, resource._meta.clean_model_instances = False, True


def in_bulk(resource: ReportingResource) -> None:
    """Write the rows of a chunk together."""
    resource._meta.use_bulk, resource._meta.clean_model_instances = True, False


def key_fields(resource: ReportingResource) -> list[Any]:
    """Return the fields that identify rows."""
    return [resource.fields[name] for name in resource.get_import_id_fields()]


def loader_of(resource: ReportingResource, dataset: Dataset) -> Any:
    """Return the instance loader for the existing rows of a chunk."""
    return resource._meta.instance_loader_class(resource, dataset)
