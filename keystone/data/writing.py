"""Write the rows of a file in chunks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import Error, reset_queries, transaction
from django.utils.translation import gettext
from import_export.fields import Field
from import_export.results import RowResult
from tablib import Dataset

from keystone.caching.versions import changed
from keystone.data.columns import Columns
from keystone.data.files import Row
from keystone.data.outcomes import Changed, Refused
from keystone.data.reasons import is_of_the_row, reason_of, reason_of_result
from keystone.data.recording import Counts
from keystone.data.refused_rows import RefusedRows
from keystone.data.resources import ImportRow, ReportingResource, in_bulk, key_fields, loader_of, one_by_one
from keystone.data.seen import SeenKeys
from keystone.exceptions import Refusal

_WRITTEN = {RowResult.IMPORT_TYPE_NEW, RowResult.IMPORT_TYPE_UPDATE, RowResult.IMPORT_TYPE_DELETE}


@dataclass
class Tally:
    """Counts of rows so far, and the first changes and refusals."""

    shown: int
    counts: Counts = field(default_factory=Counts)
    created: int = 0
    skipped_empty: int = 0
    changes: list[Changed] = field(default_factory=list)
    refusals: list[Refused] = field(default_factory=list)


@dataclass
class Writer:
    """Writes rows with a resource, and refuses those that cannot be written.

    Attributes:
        resource: the resource that writes them.
        columns: the columns of the file.
        seen: the keys of the rows so far.
        refused: the file of refused rows.
        skip_empty: whether empty rows are skipped.
        tally: the results so far.
    """

    resource: ReportingResource
    columns: Columns
    seen: SeenKeys
    refused: RefusedRows
    skip_empty: bool
    tally: Tally

    def __post_init__(self) -> None:
        self._refusals: list[tuple[Row, str]] = []
        self._in_bulk = bool(self.resource._meta.use_bulk)
        primary = self.resource._meta.model._meta.pk.name
        keys = (field for field in self.resource.fields.values() if field.attribute == primary)
        self._gives_keys = any(field.column_name in self.columns.names for field in keys)
        self._names = {str(field.attribute): str(field.column_name) for field in self.resource.fields.values()}

    def note(self, rows: Iterable[Row]) -> None:
        """Record the keys of rows that were already processed, without writing them."""
        for row in rows:
            if not row.is_empty and not row.fault:
                try:
                    self._refuse_double(row, self.columns.taken_over(row.cells))
                except (ValidationError, Refusal):
                    continue

    def write(self, rows: Iterable[Row]) -> None:
        """Write a chunk in the current transaction.

        Raises:
            Error: a database error that no row caused.
        """
        if settings.DEBUG:
            reset_queries()  # Django keeps thousands of them in memory
        ready = list(self._ready(rows))
        if ready:
            self._write(ready)
        # Sorted, because some rows are refused before the resource sees the chunk. The file keeps the order of rows.
        for row, reason in sorted(self._refusals, key=lambda refused: refused[0].number):
            self.refused.add(row, reason)
            if len(self.tally.refusals) < self.tally.shown:
                self.tally.refusals.append(Refused(row.number, reason))
        self._refusals.clear()
        self.refused.flush()  # before the chunk is committed, so that no refused row is lost

    def _write(self, ready: list[tuple[Row, dict[str, Any]]]) -> None:
        dataset = Dataset(headers=list(self.columns.names))
        for _row, values in ready:
            dataset.append(list(values.values()))
        self.resource.before_import(dataset, dry_run=False)
        outcome = self.resource.get_result_class()()
        if not (self._in_bulk and self._write_in_bulk(ready, dataset, outcome)):
            self._write_one_by_one(ready, dataset, outcome)
        self.resource.after_import(dataset, outcome, dry_run=False)

    def _ready(self, rows: Iterable[Row]) -> Iterable[tuple[Row, dict[str, Any]]]:
        """Yield the rows that are worth trying, with their cells by our column names."""
        for row in rows:
            if row.is_empty and self.skip_empty:
                self.tally.skipped_empty += 1
                continue
            self.tally.counts.read += 1
            if row.fault or row.is_empty:
                self._refuse(row, row.fault or gettext("The row is empty. --skip-empty skips such rows."))
                continue
            try:
                values = self.columns.taken_over(row.cells)
                self._refuse_double(row, values)
            except (ValidationError, Refusal) as error:
                self._refuse(row, reason_of(error))
                continue
            yield row, values

    def _refuse_double(self, row: Row, values: Mapping[str, Any]) -> None:
        key = []
        for one in key_fields(self.resource):
            if one.column_name not in values:
                return
            try:
                value = one.clean(dict(values))
            except Exception:  # noqa: BLE001 - the resource reports it for the row
                return
            key.append("" if value in Field.empty_values else f"={getattr(value, 'pk', value)}")
        if not any(key):
            return
        first = self.seen.first(tuple(key), row.number)
        if first is not None and first != row.number:
            names = ", ".join(str(one.column_name) for one in key_fields(self.resource))
            text = gettext("Row %(number)d has the same %(columns)s.")
            raise ValidationError(text % {"number": first, "columns": names})

    def _write_in_bulk(self, ready: list[tuple[Row, dict[str, Any]]], dataset: Dataset, outcome: Any) -> bool:
        """Write the chunk together. Return False if the database refuses it; nothing is written then."""
        in_bulk(self.resource)
        how = {"using_transactions": True, "dry_run": False, "raise_errors": True, "result": outcome}
        results = []
        try:
            with transaction.atomic():
                loader = loader_of(self.resource, dataset)
                for row, values in ready:
                    result = self._import(row, values, loader)
                    results.append((row, result, reason_of_result(result, self._names)))
                self.resource.bulk_create(**how)
                self.resource.bulk_update(**how)
                self.resource.bulk_delete(**how)
                changed(self.resource._meta.model)
        except Error as error:
            self.resource.take_back()
            if not is_of_the_row(error):
                raise
            return False
        for row, result, reason in results:
            self._count(row, result, reason, outcome)
        return True

    def _write_one_by_one(self, ready: list[tuple[Row, dict[str, Any]]], dataset: Dataset, outcome: Any) -> None:
        one_by_one(self.resource)
        loader = loader_of(self.resource, dataset)
        for row, values in ready:
            with transaction.atomic():
                result = self._import(row, values, loader)
                reason = reason_of_result(result, self._names)
                if reason:
                    transaction.set_rollback(True)  # of the savepoint
            self._count(row, result, reason, outcome)

    def _import(self, row: Row, values: Mapping[str, Any], loader: Any) -> RowResult:
        return self.resource.import_row(
            dict(values), loader, row_number=row.number, dry_run=False, using_transactions=True
        )

    def _count(self, row: Row, result: RowResult, reason: str, outcome: Any) -> None:
        if reason:
            self._refuse(row, reason)
            return
        if result.import_type not in _WRITTEN:
            self.tally.counts.unchanged += 1
            return
        if self._gives_keys:
            # If the outcome has new rows, django-import-export sets the sequence to the greatest key. If the database
            # assigns the keys, that could reuse one that an open transaction has taken.
            outcome.append_row_result(result)
        is_new = result.is_new()
        self.tally.counts.written += 1
        self.tally.created += is_new
        if len(self.tally.changes) < self.tally.shown and isinstance(result, ImportRow):
            self.tally.changes.append(Changed(row.number, is_new, result.values))

    def _refuse(self, row: Row, reason: str) -> None:
        self._refusals.append((row, reason))
        self.tally.counts.refused += 1
