"""What commands print."""

import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management.base import OutputWrapper

from keystone.console.printing import print_json, print_pairs, print_table, printable


@pytest.fixture
def file() -> StringIO:
    return StringIO()


@pytest.fixture
def out(file: StringIO) -> OutputWrapper:
    return OutputWrapper(file)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë Ångström 変更 👍", "Zoë Ångström 変更 👍"),
        ("one\ntwo\r\tthree", "one two  three"),
        ("\x1b[2Jgone", " [2Jgone"),
        ("evil\u202etxt.exe", "evil txt.exe"),
        ("line\u2028end\u2029", "line end "),
        ("\ud800", "\\ud800"),
        ("नमस्\u200dते", "नमस्\u200dते"),
    ],
)
def test_what_would_move_the_cursor_or_turn_the_writing_becomes_a_space(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_json_has_times_and_names_as_they_are(out: OutputWrapper, file: StringIO) -> None:
    print_json(out, {"at": datetime(2026, 11, 24, 12, tzinfo=UTC), "name": "Zoë", "none": None})
    assert json.loads(file.getvalue()) == {"at": "2026-11-24T12:00:00Z", "name": "Zoë", "none": None}
    assert '"Zoë"' in file.getvalue()


def test_a_table_stands_in_columns_and_numbers_at_the_right(out: OutputWrapper, file: StringIO) -> None:
    print_table(out, ["Name", "Rows", "Of"], [["a", 1, None], ["longer", 12345, "x"]])
    assert file.getvalue().splitlines() == ["Name     Rows  Of", "a           1", "longer  12345  x"]


def test_a_table_without_rows_is_its_headings(out: OutputWrapper, file: StringIO) -> None:
    print_table(out, ["Name", "Rows"], [])
    assert file.getvalue().splitlines() == ["Name  Rows"]


def test_a_row_of_a_table_is_never_folded_in_a_pipe(out: OutputWrapper, file: StringIO) -> None:
    print_table(out, ["Name"], [["word " * 200]])
    assert len(file.getvalue().splitlines()) == 2


def test_a_cell_is_no_markup_and_no_second_line(out: OutputWrapper, file: StringIO) -> None:
    print_table(out, ["Name"], [["[red]not red[/red]\nforged"]])
    assert file.getvalue().splitlines() == ["Name", "[red]not red[/red] forged"]


def test_pairs_stand_below_each_other(out: OutputWrapper, file: StringIO) -> None:
    print_pairs(out, [("Name", "Ada\nforged"), ("Longer name", 3), ("Left out", None), ("Empty", "")])
    assert file.getvalue().splitlines() == ["Name         Ada forged", "Longer name  3", "Empty        "]


def test_no_pairs_are_nothing(out: OutputWrapper, file: StringIO) -> None:
    print_pairs(out, [])
    assert file.getvalue() == ""
