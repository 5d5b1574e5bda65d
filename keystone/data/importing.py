"""Run an importer on a file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils.translation import gettext, ngettext

from keystone.actors.actor import Actor
from keystone.caching.versions import changed
from keystone.data.columns import fields_of_columns, match
from keystone.data.declarations import Existing, Importer
from keystone.data.files import RowSource, fingerprint, opened
from keystone.data.models import DataRun, Kind, State
from keystone.data.outcomes import ImportOptions, ImportResult, RowsRefused
from keystone.data.recording import Counts, exclusive, keep, recorded, succeed
from keystone.data.refused_rows import RefusedRows, is_of_refused_rows
from keystone.data.registry import importers, named
from keystone.data.resources import ReportingResource, resource_of, set_key_fields
from keystone.data.rows import chunks, without_blank_end
from keystone.data.seen import SeenKeys
from keystone.data.writing import Tally, Writer
from keystone.exceptions import Refusal
from keystone.text.escaping import escaped, path_of

Shown = Callable[[str, int, int], None]


class Contradiction(Refusal):
    """Options that exclude each other were given."""

    code = "contradiction"
    status = 400


class WasInterrupted(Refusal):
    """An earlier import of this file was interrupted."""

    code = "was_interrupted"


class Referred(Refusal):
    """The table cannot be emptied because other rows refer to its rows."""

    code = "referred"


def run_import(
    name: str,
    options: ImportOptions,
    *,
    by: Actor,
    shown: Shown = lambda _step, _done, _total: None,
    pipeline: DataRun | None = None,
    step: str = "",
) -> ImportResult:
    """Import a file: all of its rows or none, or with `partial` those that are valid.

    Args:
        name: the name of the importer.
        by: who imports.
        shown: called with the progress.
        pipeline, step: the pipeline's run and the step's name if the import is a step of a pipeline.

    Raises:
        Unknown: there is no such importer.
        FileUnusable: the file cannot be read, or lacks columns.
        RowsRefused: rows were refused, and nothing was written. Not raised for a trial.
        AlreadyRuns: this importer is already running.
        WasInterrupted: a partial import of this file was interrupted, and neither `resume` nor `restart` is set.
        Refusal: options contradict each other.
    """
    importer = named(importers(), Kind.IMPORTER, name)
    refuse_contradictions(importer, options)
    resource = resource_of(importer)
    if options.unique:
        set_key_fields(resource, fields_of_columns(resource, options.unique, importer=importer))
    resource.by, resource.existing = by, options.existing or importer.existing
    opening = opened(options.file, encoding=options.encoding, delimiter=options.delimiter, sheet=options.sheet)
    with opening as source:
        columns = match(importer, resource, source.columns, options)
        resource.columns = columns.names
        said = _said(options, resource.existing)
        with exclusive(Kind.IMPORTER, name):
            earlier = None if options.trial else _earlier(name, said, options)
            with (
                recorded(
                    Kind.IMPORTER,
                    name,
                    by=by,
                    options=said,
                    is_trial=options.trial,
                    pipeline=pipeline,
                    step=step,
                    resumed=earlier,
                ) as run,
                SeenKeys() as seen,
                RefusedRows(_refused_path(options, run, source.columns), source.columns) as refused,
            ):
                if earlier is not None and earlier.refused_file:
                    refused.take_over(path_of(earlier.refused_file), until=earlier.last_row)
                tally = Tally(shown=options.shown, counts=Counts.of(run))
                writer = Writer(resource, columns, seen, refused, options.skip_empty, tally)
                return _Import(run, options, source, writer, shown, resumes=earlier is not None).done()


@dataclass
class _Import:
    """A running import."""

    run: DataRun
    options: ImportOptions
    source: RowSource
    writer: Writer
    shown: Shown
    resumes: bool
    emptied: int = 0

    def done(self) -> ImportResult:
        if self.options.partial and not self.options.trial:
            self._by_chunks()
        else:
            self._at_once()
        return self._outcome()

    def _at_once(self) -> None:
        tally = self.writer.tally
        with transaction.atomic():
            _say_at_once()
            if self.options.truncate:
                self.emptied = _empty(self.writer.resource)
            for rows in chunks(without_blank_end(self.source.rows()), most=self.options.chunk):
                self.writer.write(rows)
                self._show()
            is_refused = tally.counts.refused > 0 and not self.options.partial
            if self.options.trial or is_refused:
                transaction.set_rollback(True)
            else:
                self._note_refused()
                succeed(self.run, tally.counts)
        self._note_refused()
        if is_refused and not self.options.trial:
            found = tally.counts
            keep(self.run, Counts(read=found.read, refused=found.refused))
            raise RowsRefused(self._refusal(), self._outcome())
        if self.options.trial:
            succeed(self.run, tally.counts)

    def _by_chunks(self) -> None:
        written = self.run.last_row if self.resumes else 0
        for rows in chunks(without_blank_end(self.source.rows()), most=self.options.chunk):
            later = [row for row in rows if row.number > written]
            self.writer.note(row for row in rows if row.number <= written)
            if later:
                with transaction.atomic():
                    _say_at_once()
                    self.writer.write(later)
                    self._note_refused()
                    keep(self.run, self.writer.tally.counts, last_row=later[-1].number)
            self._show()
        succeed(self.run, self.writer.tally.counts)

    def _show(self) -> None:
        self.shown(gettext("Rows"), *self.source.progress())

    def _note_refused(self) -> None:
        path = escaped(str(self.writer.refused.path))
        if self.writer.refused.count and self.run.refused_file != path:
            self.run.refused_file = path
            self.run.save(update_fields=["refused_file"])

    def _refusal(self) -> str:
        counts = self.writer.tally.counts
        text = ngettext(
            "%(refused)d of %(read)d rows was refused, so nothing was written. It is in %(file)s, with the reason.",
            (
                "%(refused)d of %(read)d rows were refused, so nothing was written. They are in %(file)s, "
                "with the reasons."
            ),
            counts.refused,
        )
        return text % {"refused": counts.refused, "read": counts.read, "file": self.writer.refused.path}

    def _outcome(self) -> ImportResult:
        tally, refused = self.writer.tally, self.writer.refused
        return ImportResult(
            run=self.run,
            counts=tally.counts,
            created=tally.created,
            changes=tuple(tally.changes),
            refusals=tuple(tally.refusals),
            refused_file=refused.path if refused.count else None,
            emptied=self.emptied,
            skipped_empty=tally.skipped_empty,
        )


def refuse_contradictions(importer: Importer, options: ImportOptions) -> None:
    """Check that the options do not contradict each other, before the user is asked for confirmation.

    Raises:
        Contradiction: some options exclude each other.
    """
    text = ""
    if options.truncate and not importer.truncatable:
        text = gettext("The table of the importer %(name)s cannot be emptied.") % {"name": importer.name}
    elif options.truncate and options.partial:
        text = gettext("--truncate and --partial cannot be combined: an interrupted import would leave an empty table.")
    elif options.resume and options.restart:
        text = gettext("Give either --resume or --restart.")
    elif options.resume and not options.partial:
        text = gettext("Only an import with --partial can be resumed: any other leaves nothing behind.")
    if text:
        raise Contradiction(text)


def _said(options: ImportOptions, existing: Existing) -> dict[str, Any]:
    """Return the options to record."""
    file = options.file.absolute()
    said: dict[str, Any] = {"file": escaped(str(file)), "fingerprint": fingerprint(file), "existing": existing.value}
    for name in ("partial", "truncate", "skip_empty", "ignore_unknown"):
        if getattr(options, name):
            said[name] = True
    if options.unique:
        said["unique"] = list(options.unique)
    if options.columns:
        said["columns"] = dict(options.columns)
    return said


def _earlier(name: str, said: dict[str, Any], options: ImportOptions) -> DataRun | None:
    """Return the interrupted import of this file that is to be resumed, or None.

    Raises:
        WasInterrupted: there is one, and neither `resume` nor `restart` is set.
        Contradiction: there is none to resume, or it had other options.
    """
    runs = DataRun.objects.filter(kind=Kind.IMPORTER, name=name, is_trial=False)
    runs = runs.filter(Q(last_row__gt=0) | Q(state=State.SUCCEEDED))  # other runs wrote nothing
    last = runs.filter(options__fingerprint=said["fingerprint"]).order_by("-pk").first()
    if last is not None and last.state == State.SUCCEEDED:
        last = None
    if options.resume and last is None:
        raise Contradiction(gettext("There is no interrupted import of this file to resume."))
    if last is None or options.restart:
        return None
    if not options.resume:
        text = gettext(
            "An import of this file stopped after row %(row)d. Continue with --partial --resume, or "
            "start over with --restart."
        )
        raise WasInterrupted(text % {"row": last.last_row})
    if {**last.options, "file": ""} != {**said, "file": ""}:
        raise Contradiction(
            gettext("The interrupted import was started with other options. Give the same options, or --restart.")
        )
    return last


def _refused_path(options: ImportOptions, run: DataRun, columns: tuple[str, ...]) -> Path:
    """Return the path for the refused rows.

    This is the given path, the file of the interrupted import, or an unused name beside the imported file.
    """
    if options.refused is not None:
        return options.refused
    if run.refused_file and is_of_refused_rows(path_of(run.refused_file), columns):
        return path_of(run.refused_file)
    names = (f"{options.file.stem}.refused-{run.pk}{part}.csv" for part in ["", *(f"-{n}" for n in range(2, 1000))])
    return next(path for name in names if not (path := options.file.with_name(name)).exists())


def _say_at_once() -> None:
    """Check deferrable constraints immediately, so that the database reports errors for each row."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _empty(resource: ReportingResource) -> int:
    """Delete all rows of the table, and of its automatic many-to-many tables.

    Raises:
        Referred: other rows refer to them.
    """
    model = resource._meta.model
    try:
        with transaction.atomic():
            changed(model)
            for field in model._meta.many_to_many:
                through = field.remote_field.through
                if through._meta.auto_created:
                    through._base_manager.all()._raw_delete(connection.alias)
            return int(model._base_manager.all()._raw_delete(connection.alias))
    except IntegrityError:
        text = gettext("The table of %(rows)s cannot be emptied: other rows refer to its rows.")
        raise Referred(text % {"rows": model._meta.verbose_name_plural}) from None
