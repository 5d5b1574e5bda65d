"""Importing: what is left where an import stops, and how it goes on."""

from typing import Any

import pytest
from django.db import OperationalError

from keystone.data.declarations import Existing
from keystone.data.importing import Contradiction, WasInterrupted
from keystone.data.models import DataRun, Kind, State
from keystone.data.outcomes import Refused
from keystone.data.recording import AlreadyRuns, exclusive
from keystone.data.registry import importer
from tests.data.library import Book, BookResource, Write, books, both, run


class Stops(BookResource):
    """Stops at a title, as a process that is told to end."""

    stops: type[BaseException] | None = KeyboardInterrupt

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        if row["title"] == "Title 7" and Stops.stops is not None:
            raise Stops.stops("It was asked to")


def test_a_stopped_partial_import_is_gone_on_with(library: None, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    importer("stops")(Stops)
    rows = [[str(number), f"Title {number}", number] for number in range(1, 11)]
    rows[1][2] = "many"
    rows.append(["1", "Again", 1])
    file = write(*rows)
    with pytest.raises(KeyboardInterrupt):
        run(file, name="stops", partial=True, chunk=3)
    assert Book.objects.count() == 5
    [kept] = DataRun.objects.all()
    assert (kept.state, kept.last_row, kept.rows_read, kept.rows_written) == (State.INTERRUPTED, 7, 6, 5)
    with pytest.raises(WasInterrupted) as refusal:
        run(file, name="stops", partial=True)
    assert refusal.value.detail == (
        "An import of this file stopped after row 7. Continue with --partial --resume, or start over with --restart."
    )
    with pytest.raises(WasInterrupted):
        run(file, name="stops")
    with pytest.raises(Contradiction, match="other options"):
        run(file, name="stops", partial=True, resume=True, existing=Existing.SKIP)
    monkeypatch.setattr(Stops, "stops", None)
    outcome = run(file, name="stops", partial=True, resume=True, chunk=4)
    assert Book.objects.count() == 9
    assert outcome.refusals == (Refused(12, "Row 2 has the same isbn."),)
    [kept] = DataRun.objects.all()
    assert (kept.state, kept.last_row) == (State.SUCCEEDED, 12)
    assert (kept.rows_read, kept.rows_written, kept.rows_refused) == (11, 9, 2)
    with pytest.raises(Contradiction, match="no interrupted import"):
        run(file, name="stops", partial=True, resume=True)


def test_a_stopped_import_begins_anew_where_that_is_said(
    library: None, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    importer("stops")(Stops)
    file = write(*([str(number), f"Title {number}", number] for number in range(1, 11)))
    with pytest.raises(KeyboardInterrupt):
        run(file, name="stops", partial=True, chunk=3)
    monkeypatch.setattr(Stops, "stops", None)
    outcome = run(file, name="stops", restart=True)
    assert (outcome.counts.unchanged, outcome.counts.written) == (6, 4)
    assert [kept.state for kept in DataRun.objects.order_by("pk")] == [State.INTERRUPTED, State.SUCCEEDED]
    run(file, name="stops", partial=True)  # which the last one has settled


@both
def test_a_stopped_import_leaves_nothing(library: None, write: Write, name: str) -> None:
    importer("stops")(Stops)
    file = write(*([str(number), f"Title {number}", number] for number in range(1, 11)))
    with pytest.raises(KeyboardInterrupt):
        run(file, name="stops", chunk=3)
    assert books() == []
    [kept] = DataRun.objects.all()
    assert (kept.state, kept.error, kept.rows_written) == (State.INTERRUPTED, "It was stopped.", 0)


def test_what_the_database_cannot_do_is_no_rows_fault(
    library: None, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    importer("stops")(Stops)
    monkeypatch.setattr(Stops, "stops", OperationalError)
    file = write(*([str(number), f"Title {number}", number] for number in range(1, 11)))
    with pytest.raises(OperationalError, match="It was asked to"):
        run(file, name="stops")
    [kept] = DataRun.objects.all()
    assert (kept.state, kept.error, kept.rows_refused) == (State.FAILED, "It was asked to", 0)


def test_a_fault_of_the_resource_is_told_with_its_row(
    library: None, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    importer("stops")(Stops)
    monkeypatch.setattr(Stops, "stops", LookupError)
    file = write(*([str(number), f"Title {number}", number] for number in range(1, 11)))
    outcome = run(file, name="stops", partial=True)
    assert outcome.refusals == (Refused(8, "LookupError: It was asked to"),)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            {"truncate": True, "partial": True},
            "--truncate and --partial cannot be combined: an interrupted import would leave an empty table.",
        ),
        ({"resume": True, "restart": True}, "Give either --resume or --restart."),
        ({"resume": True}, "Only an import with --partial can be resumed: any other leaves nothing behind."),
        ({"resume": True, "partial": True}, "There is no interrupted import of this file to resume."),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    library: None, write: Write, options: dict[str, Any], line: str
) -> None:
    with pytest.raises(Contradiction) as refusal:
        run(write(["1", "One", 1]), **options)
    assert refusal.value.detail == line
    assert books() == []


def test_one_importer_runs_once_at_a_time(library: None, write: Write) -> None:
    with exclusive(Kind.IMPORTER, "books"), pytest.raises(AlreadyRuns) as refusal:
        run(write(["1", "One", 1]))
    assert refusal.value.detail == "The importer books is already running. Try again when it has finished."
    run(write(["1", "One", 1]))
