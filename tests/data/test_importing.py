"""Importing: which rows are written, and which are refused."""

import csv
from pathlib import Path

import pytest
from openpyxl import Workbook
from pytest_django import DjangoAssertNumQueries

from keystone.data import rows
from keystone.data.declarations import Existing
from keystone.data.importing import Referred
from keystone.data.models import DataRun, Kind, State
from keystone.data.outcomes import Changed, ImportResult, Refused, RowsRefused
from keystone.data.registry import Unknown, importer
from keystone.data.rows import Row
from tests.data.library import Author, Book, BookResource, Write, books, both, run
from tests.data.workbooks import excel_workbook, texts


def refused_rows(outcome: ImportResult) -> list[list[str]]:
    assert outcome.refused_file is not None
    with outcome.refused_file.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@both
def test_an_import_writes_new_rows_and_changes_those_that_differ(library: None, write: Write, name: str) -> None:
    Book.objects.create(isbn="1", title="One", pages=10)
    Book.objects.create(isbn="2", title="Two", pages=20)
    before = dict(Book.objects.values_list("isbn", "changed_at"))
    outcome = run(write(["1", "One", 10], ["2", "Second", 20], ["3", "Three", ""]), name=name)
    assert books() == [("1", "One", 10), ("2", "Second", 20), ("3", "Three", None)]
    counts = outcome.counts
    assert (counts.read, counts.written, counts.unchanged, counts.refused, outcome.created) == (3, 2, 1, 0, 1)
    assert outcome.changes == (
        Changed(3, False, {"title": ("Two", "Second")}),
        Changed(4, True, {"isbn": (None, "3"), "title": (None, "Three")}),
    )
    assert outcome.refused_file is None
    after = dict(Book.objects.values_list("isbn", "changed_at"))
    assert after["1"] == before["1"]
    assert after["2"] > before["2"]
    kept = DataRun.objects.get()
    assert (kept.kind, kept.name, kept.state, kept.by) == (Kind.IMPORTER, name, State.SUCCEEDED, "keystone")
    assert (kept.rows_read, kept.rows_written, kept.rows_unchanged, kept.rows_refused) == (3, 2, 1, 0)
    assert kept.finished_at is not None


@both
def test_what_a_file_has_no_column_for_stays(library: None, write: Write, name: str) -> None:
    author = Author.objects.create(name="Ada")
    Book.objects.create(isbn="1", title="One", pages=10, author=author)
    run(write(["1", "First"], header=("isbn", "title")), name=name)
    assert books() == [("1", "First", 10)]
    assert Book.objects.get().author == author


@both
def test_one_refused_row_lets_nothing_be_written_and_all_are_told(library: None, write: Write, name: str) -> None:
    Book.objects.create(isbn="5", title="Five", pages=5)
    file = write(
        ["1", "One", 10],
        ["2", "x" * 31, 10],
        ["3", "Three", "many"],
        ["4", "forbidden", 4],
        ["6", "Five", 5],
        ["", "No key", 1],
        ["7", "Seven", 6000],
    )
    with pytest.raises(RowsRefused) as refusal:
        run(file, name=name)
    assert books() == [("5", "Five", 5)]
    kept = DataRun.objects.get()
    path = file.with_name(f"books.refused-{kept.pk}.csv")
    assert str(refusal.value) == (
        f"6 of 7 rows were refused, so nothing was written. They are in {path}, with the reasons."
    )
    assert (kept.state, kept.rows_read, kept.rows_written, kept.rows_refused) == (State.FAILED, 7, 0, 6)
    assert kept.refused_file == str(path)
    header, *rows = refused_rows(refusal.value.imported)
    assert header == ["row", "reason", "isbn", "title", "pages"]
    assert {int(row[0]): row[1] for row in rows} == {
        3: "title: Ensure this value has at most 30 characters (it has 31).",
        4: "pages: “many” is not a number.",
        5: "Constraint “library_book_is_allowed” is violated.",
        6: "Book with this Title and Pages already exists.",
        7: "isbn: This field cannot be blank.",
        8: "pages: Ensure this value is less than or equal to 5000.",
    }
    assert rows[0][2:] == ["2", "x" * 31, "10"]
    assert path.stat().st_mode & 0o777 == 0o600


@both
def test_a_corrected_file_of_refused_rows_is_imported_as_it_is(library: None, write: Write, name: str) -> None:
    outcome = run(write(["1", "One", 10], ["2", "Two", "many"]), name=name, partial=True)
    assert outcome.refused_file is not None
    text = outcome.refused_file.read_text(encoding="utf-8-sig")
    outcome.refused_file.write_text(text.replace("many", "20"), encoding="utf-8-sig")
    run(outcome.refused_file, name=name)
    assert books() == [("1", "One", 10), ("2", "Two", 20)]


@both
def test_a_partial_import_writes_what_can_be_written(library: None, write: Write, name: str) -> None:
    rows = [[str(number), f"Title {number}", number] for number in range(1, 11)]
    rows[4][2] = "many"
    outcome = run(write(*rows), name=name, partial=True, chunk=3)
    assert [isbn for isbn, _title, _pages in books()] == ["1", "10", "2", "3", "4", "6", "7", "8", "9"]
    assert outcome.refusals == (Refused(6, "pages: “many” is not a number."),)
    kept = DataRun.objects.get()
    assert (kept.state, kept.rows_read, kept.rows_written, kept.rows_refused) == (State.SUCCEEDED, 10, 9, 1)
    assert kept.last_row == 11


@both
def test_a_trial_tells_what_would_change_and_changes_nothing(library: None, write: Write, name: str) -> None:
    Book.objects.create(isbn="1", title="One", pages=1)
    outcome = run(write(["1", "First", 1], ["2", "Two", 2], ["3", "Three", "x"]), name=name, trial=True)
    assert books() == [("1", "One", 1)]
    assert [(change.row, change.is_new) for change in outcome.changes] == [(2, False), (3, True)]
    assert [refused.row for refused in outcome.refusals] == [4]
    kept = DataRun.objects.get()
    assert (kept.state, kept.is_trial, kept.rows_written, kept.rows_refused) == (State.SUCCEEDED, True, 2, 1)


@both
def test_a_row_that_stands_twice_in_the_file_is_refused(library: None, write: Write, name: str) -> None:
    with pytest.raises(RowsRefused) as refusal:
        run(write(["1", "One", 1], ["2", "Two", 2], [" 1 ", "Uno", 1]), name=name, chunk=2)
    assert refusal.value.imported.refusals == (Refused(4, "Row 2 has the same isbn."),)


@both
@pytest.mark.parametrize(
    ("existing", "title", "written", "unchanged", "refused"),
    [(Existing.UPDATE, "New", 2, 0, 0), (Existing.SKIP, "Old", 1, 1, 0), (Existing.REFUSE, "Old", 1, 0, 1)],
)
def test_rows_that_are_there_are_treated_as_said(
    library: None, write: Write, name: str, existing: Existing, title: str, written: int, unchanged: int, refused: int
) -> None:
    Book.objects.create(isbn="1", title="Old", pages=1)
    outcome = run(write(["1", "New", 1], ["2", "Two", 2]), name=name, existing=existing, partial=True)
    assert books() == [("1", title, 1), ("2", "Two", 2)]
    counts = outcome.counts
    assert (counts.written, counts.unchanged, counts.refused) == (written, unchanged, refused)
    reasons = [refusal.reason for refusal in outcome.refusals]
    assert reasons == ["The table already has this row."] * refused


def test_empty_rows_are_refused_or_passed_over(library: None, write: Write) -> None:
    file = write(["1", "One", 1], ["", "", ""], ["2", "Two", 2])
    outcome = run(file, trial=True)
    assert outcome.refusals == (Refused(3, "The row is empty. --skip-empty skips such rows."),)
    outcome = run(file, skip_empty=True)
    assert (outcome.counts.read, outcome.counts.refused, outcome.skipped_empty) == (2, 0, 1)


def test_empty_rows_at_the_end_are_no_rows(library: None, tmp_path: Path) -> None:
    for number, blank in enumerate(["\n", ",\n", ",,,,\n", " , ,\u00a0\n", '"","",""\n', "\r\n,\r\n", "\n" * 5000]):
        path = tmp_path / f"{number}.csv"
        path.write_text(f"isbn,title,pages\n{number},Title {number},\n{blank}", newline="")
        outcome = run(path)
        assert (outcome.counts.read, outcome.created, outcome.skipped_empty, outcome.refusals) == (1, 1, 0, ())
    path.write_text("isbn,title,pages\n8,Eight,\n\n,,\n\n9,Nine,\n\n\n")
    reason = "The row is empty. --skip-empty skips such rows."
    outcome = run(path, partial=True)
    assert outcome.refusals == tuple(Refused(number, reason) for number in (3, 4, 5))
    assert outcome.created == 2
    path.write_text("isbn,title,pages\n\n,,\n")
    assert run(path).counts.read == 0


def test_chunks_are_smaller_where_cells_are_long_or_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "LARGEST_CHUNK", 1000)
    short, long = Row(2, {"a": "x", "b": 5}), Row(3, {"a": "x" * 600}, extra=("x" * 401,))
    wide = Row(4, {"a": "x"}, extra=tuple(range(100, 150)))
    found = [len(chunk) for chunk in rows.chunks([*[short] * 5, long, *[short] * 3, long, long, wide, short], most=4)]
    assert found == [4, 2, 4, 1, 1, 1]
    assert list(rows.chunks([], most=4)) == []


def test_rows_at_the_end_of_a_sheet_that_are_only_formatted_are_no_rows(library: None, tmp_path: Path) -> None:
    said = (
        '<row r="1"><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>'
        '<row r="2"><c><v>1</v></c><c t="s"><v>1</v></c></row>'
        '<row r="3"><c r="A3" s="1"/></row><row r="9"><c r="A9" t="inlineStr"><is><t>  </t></is></c></row>'
        '<row r="5000"/>'
    )
    file = excel_workbook(tmp_path / "books.xlsx", rows=said, strings=texts("isbn", "title"))
    outcome = run(file)
    assert (outcome.counts.read, outcome.created, outcome.refusals) == (1, 1, ())


@both
def test_truncating_replaces_all_rows_or_none(library: None, write: Write, name: str) -> None:
    Book.objects.create(isbn="9", title="Nine", pages=9)
    with pytest.raises(RowsRefused):
        run(write(["1", "One", "x"]), name=name, truncate=True)
    assert books() == [("9", "Nine", 9)]
    outcome = run(write(["1", "One", 1]), name=name, truncate=True, trial=True)
    assert outcome.emptied == 1
    assert books() == [("9", "Nine", 9)]
    outcome = run(write(["1", "One", 1]), name=name, truncate=True)
    assert outcome.emptied == 1
    assert books() == [("1", "One", 1)]


def test_a_table_that_others_refer_to_is_not_emptied(library: None, write: Write) -> None:
    class AuthorResource(BookResource):
        class Meta:
            model = Author
            import_id_fields = ("name",)
            fields = ("name",)

    importer("authors")(AuthorResource)
    Book.objects.create(isbn="1", title="One", author=Author.objects.create(name="Ada"))
    with pytest.raises(Referred, match=r"^The table of authors cannot be emptied: other rows refer to its rows\.$"):
        run(write(["Bob"], header=("name",)), name="authors", truncate=True)
    assert Author.objects.get().name == "Ada"


def test_an_import_in_bulk_costs_no_query_for_a_row(
    library: None, write: Write, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def measured(rows: int, first: int) -> int:
        file = write(*([str(first + number), f"Title {number}", first + number] for number in range(rows)))
        with django_assert_num_queries(12) as queries:
            run(file, name="bulk-books")
        return len(queries)

    assert measured(1, 1) == measured(500, 1000)


def test_workbooks_are_read_with_their_types(library: None, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["isbn", "title", "pages"])
    sheet.append([1, "One", 10])
    sheet.append([2, "Two", None])
    book.save(tmp_path / "books.xlsx")
    run(tmp_path / "books.xlsx")
    assert books() == [("1", "One", 10), ("2", "Two", None)]


def test_an_unknown_importer_is_told_with_those_that_there_are(library: None, write: Write) -> None:
    with pytest.raises(Unknown, match=r"^There is no importer called nothing\. Known: .*books, bulk-books"):
        run(write(["1", "One", 1]), name="nothing")
