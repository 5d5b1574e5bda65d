"""CSV that a spreadsheet calculates nothing of (OWASP, "CSV Injection")."""

import csv
import io
from datetime import UTC, datetime

import pytest

from keystone.spreadsheet import csv_lines, safe_cell


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("https://evil.example")',
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\ttext",
        "\rtext",
        "\ntext",
        " =1",
        "   +1",
        "\u00a0=1",
        "\u3000=1",
        "\u200b=1",
        "\ufeff=1",
        "\x01=1",
        " \u202e@x",
        "＝1",  # noqa: RUF001 - full width is meant, here and below
        "＋1",  # noqa: RUF001
        "－1",  # noqa: RUF001
        "＠x",  # noqa: RUF001
        "\ufe62\ufe631",  # the small forms
        "\u22121",
        "=cmd|' /C calc'!A0",
    ],
)
def test_what_could_be_a_formula_is_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    [[cell]] = csv.reader(io.StringIO("".join(csv_lines([text], [])), newline=""))
    assert cell == f"'{text}"


@pytest.mark.parametrize("text", ["", " ", "a=b", "1-2", "ann@example.com", "'=1", '"=1"', "É", "1", "a\n=1"])
def test_everything_else_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text


def test_values_are_written_as_text() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert [safe_cell(value) for value in (None, moment, 5, True)] == ["", "2026-01-02T03:04:05+00:00", "5", "True"]


def test_no_cell_begins_another_cell_or_row() -> None:
    cells = ['a","=1', "a\n=1", "a\r\n=1,=2", 'a"', ",=1", ";=1"]
    read = list(csv.reader(io.StringIO("".join(csv_lines(["name"], [cells])), newline="")))
    assert read == [["name"], cells]
