"""`manage.py data importer`."""

import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from keystone.data.models import Kind
from keystone.data.recording import exclusive
from keystone.data.registry import importer
from tests.data.commanding import WriteLines, offered, refusal, said, titles
from tests.data.library import BookResource

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:In Typer, only the parameter 'autocompletion':DeprecationWarning"),
]
Said = pytest.CaptureFixture[str]


def test_they_are_listed_with_their_columns(shop: None, capsys: Said) -> None:
    assert said(capsys, "importer", "list").splitlines() == [
        "Name        What it imports  Columns                       Rows identified by  Existing rows",
        "books       Books, by ISBN.  isbn*, title, pages, author   isbn                are updated",
        "kept-books  Books to keep.   isbn*, title*, pages, author  isbn                are skipped",
        "* required",
    ]
    listed = json.loads(said(capsys, "importer", "list", "--json"))["importers"]
    assert [one["name"] for one in listed] == ["books", "kept-books"]
    assert listed[0] == {
        "name": "books",
        "description": "Books, by ISBN.",
        "columns": ["isbn", "title", "pages", "author"],
        "required": ["isbn"],
        "unique": ["isbn"],
        "other_names": {"Buch": "title"},
        "existing": "update",
        "truncatable": True,
    }


def test_it_is_said_that_there_is_none(declared_alone: None, capsys: Said, mixed: Path) -> None:
    assert said(capsys, "importer", "list") == "No app declares an importer.\n"
    assert refusal("importer", "run", "books", "-f", mixed) == "There is no importer called books. Known: -."


def test_rows_that_are_there_are_treated_as_is_said(shop: None, capsys: Said, lines: WriteLines) -> None:
    path = lines("isbn,title", "1,Eins")
    as_is, other = (
        f"1 read: 0 new, {changed} changed, {unchanged} unchanged, 0 refused.\n"
        for changed, unchanged in [(0, 1), (1, 0)]
    )
    assert said(capsys, "importer", "run", "books", "-f", path, "--existing", "skip") == as_is
    refusal("importer", "run", "books", "-f", path, "--existing", "refuse")
    assert capsys.readouterr().err == "row 2: The table already has this row.\n"
    assert said(capsys, "importer", "run", "kept-books", "-f", path) == as_is
    assert said(capsys, "importer", "run", "kept-books", "-f", path, "--existing", "update") == other


def test_empty_rows_are_passed_over_where_that_is_said(shop: None, capsys: Said, lines: WriteLines) -> None:
    path = lines("isbn,title", ",", "", "7,Seven", ",")
    refusal("importer", "run", "books", "-f", path)
    capsys.readouterr()
    assert said(capsys, "importer", "run", "books", "-f", path, "--skip-empty").splitlines() == [
        "1 read: 1 new, 0 changed, 0 unchanged, 0 refused.",
        "2 empty rows were skipped.",
    ]
    assert json.loads(said(capsys, "importer", "run", "books", "-f", path, "-s", "--json"))["skipped_empty"] == 2


def test_other_columns_can_tell_rows_apart(shop: None, capsys: Said, lines: WriteLines) -> None:
    path = lines("isbn,title,pages", "1b,One,10")
    told = said(capsys, "importer", "run", "books", "-f", path, "--unique", "title", "-u", "pages")
    assert told == "1 read: 0 new, 1 changed, 0 unchanged, 0 refused.\n"
    assert titles() == {"1b": "One", "2": "Two"}


def test_columns_are_mapped_and_passed_over(shop: None, capsys: Said, lines: WriteLines) -> None:
    path = lines("No.=ISBN,Name,Shelf", "3,Three,left")
    mapped = ["--map", "No.=ISBN=isbn", "--map", "Name=title"]
    assert "Unknown columns: Shelf." in refusal("importer", "run", "books", "-f", path, *mapped)
    assert said(capsys, "importer", "run", "books", "-f", path, *mapped, "--ignore-unknown").startswith("1 read: 1 new")
    assert titles()["3"] == "Three"


@pytest.mark.parametrize(("delimiter", "between"), [("|", "|"), (r"\t", "\t"), ("\t", "\t")])
def test_files_of_other_kinds_are_read(
    shop: None, capsys: Said, lines: WriteLines, delimiter: str, between: str
) -> None:
    path = lines(f"isbn{between}title", f"3{between}Ä, B", encoding="latin-1")
    said(capsys, "importer", "run", "books", "-f", path, "--encoding", "latin-1", "--delimiter", delimiter)
    assert titles()["3"] == "Ä, B"


def test_a_sheet_is_chosen(shop: None, capsys: Said, tmp_path: Path) -> None:
    workbook = Workbook()
    sheet = workbook.create_sheet("Books")
    for row in (("isbn", "title"), ("3", "Three")):
        sheet.append(row)
    path = tmp_path / "books.xlsx"
    workbook.save(path)
    assert said(capsys, "importer", "run", "books", "-f", path, "--sheet", "Books").startswith("1 read: 1 new")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["boks"], "There is no importer called boks. Known: books, kept-books."),
        (["books", "--map", "title"], "--map: “title” does not have the form THEIRS=OURS."),
        (["books", "--map", "=title"], "--map: “=title” does not have the form THEIRS=OURS."),
        (["books", "--map", "Name= "], "--map: “Name= ” does not have the form THEIRS=OURS."),
        (["books", "--map", "Name=isbn", "--map", "Name=title"], "--map: “Name” is given twice."),
        (["books", "--map", "title=name"], "Unknown columns: name."),
        (["books", "--unique", "name"], "Unknown columns: name."),
        (["books", "--truncate", "--partial", "--yes"], "--truncate and --partial cannot be combined"),
        (["books", "--truncate", "--partial"], "--truncate and --partial cannot be combined"),
        (["kept-books", "--truncate"], "The table of the importer kept-books cannot be emptied."),
        (["books", "--partial", "--resume", "--restart"], "Give either --resume or --restart."),
        (["books", "--resume"], "Only an import with --partial can be resumed"),
        (["books", "--delimiter", "ab"], "“ab” is not a valid delimiter"),
        (["books", "--existing", "keep"], "'keep' is not one of 'update', 'skip', 'refuse'."),
        (["books", "--show", "-1"], "-1 is not in the range 0<=x<=10000."),
        (["books", "--show", "10001"], "10001 is not in the range 0<=x<=10000."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(shop: None, mixed: Path, arguments: list[str], error: str) -> None:
    assert error in refusal("importer", "run", *arguments, "--file", mixed)
    assert titles() == {"1": "One", "2": "Two"}


def test_a_file_that_is_not_there_is_told(shop: None) -> None:
    assert refusal("importer", "run", "books", "-f", "/nowhere/a.csv") == "/nowhere/a.csv: There is no such file."
    assert refusal("importer", "run", "books") == "Missing parameter: file"


def test_it_is_refused_while_it_runs(shop: None, lines: WriteLines) -> None:
    with exclusive(Kind.IMPORTER, "books"):
        text = "The importer books is already running. Try again when it has finished."
        assert refusal("importer", "run", "books", "-f", lines("isbn,title", "1,One")) == text


def test_a_resource_that_fails_is_told_and_offers_nothing(shop: None, capsys: Said) -> None:
    @importer("broken")
    class Broken(BookResource):
        def get_import_fields(self, selected_fields: Any = None) -> Any:
            raise LookupError("It\nlacks something.")

    assert refusal("importer", "list") == "The importer broken failed: LookupError: It lacks something."
    assert offered(capsys, "data importer run broken --unique ") == []


def test_names_and_columns_are_offered(shop: None, capsys: Said) -> None:
    assert offered(capsys, "data importer run ") == ["books", "kept-books"]
    assert offered(capsys, "data importer run ke") == ["kept-books"]
    assert offered(capsys, "data importer run books --unique ") == ["isbn", "title", "pages", "author"]
    assert offered(capsys, "data importer run books --dry-run -u ti") == ["title"]
    assert offered(capsys, "data importer run nobodys --unique ") == []
    assert offered(capsys, "data importer run --unique ") == []
