"""CSV that a spreadsheet calculates nothing of (OWASP, "CSV Injection")."""

import csv
import io
from datetime import UTC, datetime

from keystone.text.spreadsheet import csv_lines, imported_text, safe_cell

FORMULAS = [
    '=HYPERLINK("https://evil.example")',
    *("+1+1", "-2+3", "-", "@SUM(A1)", "=cmd|' /C calc'!A0"),
    *("\t=1", "\r=1", "\n=1", "\ttext", "\rtext", "\ntext", " =1", "   +1"),
    *("\u00a0=1", "\u3000=1", "\u200b=1", "\ufeff=1", "\x01=1", " \u202e@x"),
    *("＝1", "＋1", "－1", "＠x"),  # noqa: RUF001 - full width is meant
    "\ufe62\ufe631",  # the small forms
    "\u22121",
]
PLAIN = ["", "a=b", "1-2", "ann@example.com", "'tis", "''x", "'", "'1", '"=1"', "'\"=1", "É", "1", "a\n=1", "O'Neil"]


def written(*cells: str) -> list[str]:
    """The cells as a program finds them in the CSV."""
    [_header, found] = csv.reader(io.StringIO("".join(csv_lines(["name"], [cells])), newline=""))
    return found


def test_what_could_be_a_formula_is_text() -> None:
    assert written(*FORMULAS) == [f"'{text}" for text in FORMULAS]
    assert written(*PLAIN) == PLAIN


def test_what_was_written_is_read_back() -> None:
    texts = [*FORMULAS, *PLAIN]
    texts += [f"{before}{text}" for before in ("'", "''") for text in texts]
    assert [imported_text(cell) for cell in written(*texts)] == texts


def test_only_the_apostrophe_before_a_formula_comes_off() -> None:
    cells = {"'=1": "=1", "''=1": "'=1", "'tis": "'tis", " x ": "x", " '=1 ": "'=1", "'": "'", "=1": "=1", "-5": "-5"}
    assert {cell: imported_text(cell) for cell in cells} == cells


def test_values_are_written_as_text() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert [safe_cell(value) for value in (None, moment, 5, True)] == ["", "2026-01-02T03:04:05+00:00", "5", "True"]


def test_no_cell_begins_another_cell_or_row() -> None:
    cells = ['a","=1', "a\n=1", "a\r\n=1,=2", 'a"', ",=1", ";=1"]
    read = list(csv.reader(io.StringIO("".join(csv_lines(["name"], [cells])), newline="")))
    assert read == [["name"], cells]
