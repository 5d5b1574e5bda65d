"""CSV as it comes: encodings, delimiters, line ends, and what is wrong with files and rows."""

import codecs
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from keystone.data.csv_files import BLOCK
from keystone.data.files import FileUnusable, Row, opened
from keystone.data.rows import LONGEST_CELL

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "shift_jis"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def read(path: Path, content: str | bytes, **options: Any) -> tuple[tuple[str, ...], list[Row]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with opened(path, **options) as source:
        return source.columns, list(source.rows())


def cells(path: Path, content: str | bytes, **options: Any) -> list[tuple[Any, ...]]:
    _columns, rows = read(path, content, **options)
    assert [row.fault for row in rows] == [""] * len(rows)
    return [tuple(row.cells.values()) for row in rows]


def refusal(path: Path, content: str | bytes, **options: Any) -> str:
    with pytest.raises(FileUnusable) as refused:
        read(path, content, **options)
    assert (refused.value.row is None) == refused.value.detail.startswith(f"{path}: ")
    return refused.value.detail.removeprefix(str(path)).lstrip(":, ")


def faults(path: Path, content: str) -> list[tuple[int, str]]:
    return [(row.number, row.fault) for row in read(path, content)[1]]


def test_columns_and_cells_are_stripped(path: Path) -> None:
    columns, rows = read(path, " Name , E-mail\t\n  Zoë ,\u00a0z@example.com \n")
    assert columns == ("Name", "E-mail")
    assert rows == [Row(2, {"Name": "Zoë", "E-mail": "z@example.com"})]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_read(path: Path, end: str) -> None:
    assert cells(path, end.join(["a,b", "1,2", "3,4"])) == [("1", "2"), ("3", "4")]
    assert cells(path, end.join(["a,b", "1,2", "3,4", ""])) == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize("sign", ["\v", "\f", "\x1c", "\x85", "\u2028"])
def test_other_breaks_are_part_of_a_cell(path: Path, sign: str) -> None:
    assert cells(path, f"a,b\nx{sign}y,2\n") == [(f"x{sign}y", "2")]


def test_a_line_end_across_two_blocks_is_one(path: Path) -> None:
    text = "a\r\n" + "x" * (BLOCK - len("a\r\n") - 1) + "\r\ny\r\n"
    assert text.encode()[BLOCK - 1 : BLOCK + 1] == b"\r\n"
    assert [row.number for row in read(path, text)[1]] == [2, 3]


def test_quoted_line_breaks_make_one_row(path: Path) -> None:
    columns, rows = read(path, 'name,"note\non it"\r\nA,"one\r\ntwo, ""three"""\r\nB,x\r\n')
    assert columns == ("name", "note\non it")
    assert [(row.number, row.cells["note\non it"]) for row in rows] == [(2, 'one\r\ntwo, "three"'), (3, "x")]


def test_blank_lines_are_rows_that_are_empty(path: Path) -> None:
    _columns, rows = read(path, "a,b\n\n1,2\n,\n  \n3,4\n")
    assert [(row.number, row.is_empty, row.fault) for row in rows] == [
        (2, True, ""),
        (3, False, ""),
        (4, True, ""),
        (5, True, ""),
        (6, False, ""),
    ]
    assert rows[0].cells == {"a": "", "b": ""}


def test_the_header_may_come_after_blank_lines(path: Path) -> None:
    assert [row.number for row in read(path, "\n,,\na,b\n1,2\n")[1]] == [4]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(path: Path, delimiter: str) -> None:
    content = delimiter.join(["name", '"first, second; third"', "e-mail"]) + "\n" + delimiter.join("123")
    assert cells(path, content) == [("1", "2", "3")]


def test_a_delimiter_that_is_given_is_taken(path: Path) -> None:
    assert read(path, "a;b,c\n1;2,3\n", delimiter=";") == (("a", "b,c"), [Row(2, {"a": "1", "b,c": "2,3"})])
    assert read(path, "a:b\n1:2\n", delimiter=":")[0] == ("a", "b")


def test_excels_line_that_names_the_delimiter_is_no_row(path: Path) -> None:
    assert read(path, "sep=:\r\na,b:c\r\n1:2\r\n") == (("a,b", "c"), [Row(2, {"a,b": "1", "c": "2"})])


def test_a_tsv_file_with_commas_in_its_header_is_parted_by_tabs(tmp_path: Path) -> None:
    assert read(tmp_path / "people.tsv", "a,b,c\td\n1\t2\n")[0] == ("a,b,c", "d")


@pytest.mark.parametrize("delimiter", ["", "ab", '"', "\n"])
def test_no_delimiter_is_refused(path: Path, delimiter: str) -> None:
    if delimiter:
        assert "is not a valid delimiter: it must be one character" in refusal(path, "a,b\n", delimiter=delimiter)
    else:
        assert cells(path, "a,b\n1,2\n", delimiter=delimiter) == [("1", "2")]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoding_that_is_given_is_read(path: Path, encoding: str) -> None:
    name = "Ä, 日" if encoding == "shift_jis" else "Zoë, Grün"
    content = f'name;mail\r\n"{name}";z@example.com\r\n'.replace("Ä", "ア").encode(encoding)
    assert cells(path, content, encoding=encoding) == [(name.replace("Ä", "ア"), "z@example.com")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_how_the_file_is_written(path: Path, encoding: str) -> None:
    content = "name\nZoë\n".encode(encoding)
    assert read(path, content)[0] == ("name",)
    assert read(path, content, encoding="latin-1") == (("name",), [Row(2, {"name": "Zoë"})])


def test_a_wrong_encoding_is_refused_with_the_byte_and_the_row(path: Path) -> None:
    content = "name,mail\nAnn,a\nZoë,z\nBob,b\n".encode("latin-1")
    path.write_bytes(content)
    given: list[Row] = []
    with pytest.raises(FileUnusable) as refused, opened(path) as source:
        given += source.rows()
    assert given == [Row(2, {"name": "Ann", "mail": "a"})]
    assert refused.value.row == 3
    assert refused.value.detail == (
        f"{path}, row 3: Byte {content.index(b'\xeb') + 1} is not valid utf-8-sig. Give the file's encoding with"
        " --encoding, such as cp1252 or utf-16, or save the file as UTF-8."
    )


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_rows_before_a_wrong_byte_are_given(path: Path, mark: bytes) -> None:
    before = mark + b"name\n" + b"".join(b"person %d\n" % number for number in range(20_000))
    path.write_bytes(before + b"Zo\xeb\n" + b"x\n" * BLOCK)
    given: list[Row] = []
    with pytest.raises(FileUnusable) as refused, opened(path) as source:
        given += source.rows()
    assert [given[0].number, given[-1].number, refused.value.row] == [2, 20_001, 20_002]
    assert f"Byte {len(before) + 3} is not valid" in refused.value.detail


def test_a_file_that_ends_within_a_character_is_refused(path: Path) -> None:
    assert refusal(path, "a\nx\nZoë".encode()[:-1]).startswith("row 3: Byte 7 is not valid utf-8-sig.")
    assert refusal(path, "a\nx".encode("utf-16-le")[:-1], encoding="utf-16-le").startswith("row 2: Byte 5 is not valid")


@pytest.mark.parametrize("encoding", ["no such", "", "base64", "hex", "rot13", "idna", "undefined", "unicode_escape"])
def test_an_encoding_that_there_is_not_is_refused(path: Path, encoding: str) -> None:
    assert refusal(path, "a\n1\n", encoding=encoding).startswith(f"Unknown encoding {encoding}. Try utf-8,")


def test_nul_characters_are_refused(path: Path) -> None:
    assert refusal(path, "a,b\n1,2\n3,\0\n") == (
        "row 3: The file contains a NUL character: it is not text, or has another encoding. Give it with --encoding."
    )
    assert refusal(path, "a\nb\n".encode("utf-16-le")).startswith("row 1: The file contains a NUL character")


@pytest.mark.parametrize("beginning", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
def test_a_workbook_by_the_name_of_csv_is_refused(path: Path, beginning: bytes) -> None:
    assert refusal(path, beginning + b"x" * 99) == (
        "This is not a CSV file. If it is a workbook, its name must end in .xlsx."
    )


@pytest.mark.parametrize("content", ["\n", " , \n\n", "\ufeff", "row,reason\n1,x\n", "row,reason,,\n"])
def test_no_header_is_refused(path: Path, content: str) -> None:
    assert refusal(path, content).endswith("There is no header row.")


def test_columns_without_a_name_are_refused(path: Path) -> None:
    assert refusal(path, "a,,c, ,e\n") == "row 1: The header has no name for column B, D."


def test_columns_of_one_name_are_refused(path: Path) -> None:
    assert refusal(path, "Straße,b,STRASSE ,B,c\n") == (
        "row 1: The header has duplicate columns (case is ignored): Straße, b, STRASSE, B."
    )


def test_empty_cells_at_the_end_of_the_header_are_no_columns(path: Path) -> None:
    assert read(path, "a,b,,\n1,2,,\n") == (("a", "b"), [Row(2, {"a": "1", "b": "2"})])
    assert faults(path, "a,b,,\n1,2,,x\n") == [(2, "The row has 4 cells, but the header has 2 columns.")]


def test_a_row_with_too_many_cells_is_at_fault_and_keeps_them(path: Path) -> None:
    _columns, [first, second] = read(path, "a,b\n1,2,3,\n1,2,,\n")
    assert first == Row(2, {"a": "1", "b": "2"}, "The row has 4 cells, but the header has 2 columns.", ("3", ""))
    assert second == Row(3, {"a": "1", "b": "2"})


def test_a_row_with_too_few_cells_is_at_fault(path: Path) -> None:
    _columns, [row] = read(path, "a,b,c\n1,2\n")
    assert row == Row(2, {"a": "1", "b": "2"}, "The row has only 2 cells, but the header has 3 columns.")


def test_a_spreadsheets_error_is_a_fault(path: Path) -> None:
    assert faults(path, "a,b\n#N/A,x\n#1,#N/A?\n") == [(2, "“a” has the spreadsheet's error #N/A."), (3, "")]
    found = faults(path, "a,b\n#REF!,#VALUE!\n")
    assert found == [(2, "“a” has the spreadsheet's error #REF!. “b” has the spreadsheet's error #VALUE!.")]
    others = [
        "#DIV/0!",
        "#NAME?",
        "#SPILL!",
        "#BEZUG!",
        "#NV",
        "#N/D",
        "#¡VALOR!",
        "#¿NOMBRE?",
        "#ССЫЛКА!",
        "#Н/Д",  # noqa: RUF001 - Russian
        "#N/D!",
        "Err:502",
        "#DZIEL/0!",
    ]
    for error in others:
        assert faults(path, f"a,b\n{error},x\n") == [(2, f"“a” has the spreadsheet's error {error}.")]
    for text in ["#1", "#1!", "# A!", "#hash!", "#", "#!", "#A", "#A/B/C", "Err:5", "no #REF!"]:
        assert faults(path, f"a,b\n{text},x\n") == [(2, "")]


@pytest.mark.parametrize(("content", "row"), [('a,b\n1,2\n"x"y,2\n', 3), ('a,b\n"x,2\n3,4\n', 2), ('"a,b\n', 1)])
def test_a_fault_of_quoting_is_refused_with_its_row(path: Path, content: str, row: int) -> None:
    assert refusal(path, content) == (
        f"row {row}: A quotation mark is not closed, or is not doubled inside a quoted cell."
    )


def test_a_cell_without_end_is_refused_with_its_row(path: Path) -> None:
    content = 'a,b\n1,2\n"3,4\n' + "5,6\n" * LONGEST_CELL
    assert refusal(path, content) == (
        "row 3: A cell is longer than 1048576 characters. A quotation mark in this row may not be closed."
    )


def test_a_line_without_end_is_refused(path: Path) -> None:
    assert refusal(path, "a\nb\n" + "5," * 9 * LONGEST_CELL) == "row 3: The line is longer than 16777216 characters."


def test_a_row_with_far_too_many_cells_is_refused(path: Path) -> None:
    said = "The row has 20001 cells; at most 16384 are allowed."
    assert refusal(path, f"a\n{',' * 20_000}\n") == f"row 2: {said}"
    assert refusal(path, f"{'a,' * 20_000}b\n") == f"row 1: {said}"
    assert read(path, f'a\n"{"," * 20_000}"\n')[1] == [Row(2, {"a": "," * 20_000})]


def test_a_long_cell_is_read(path: Path) -> None:
    assert cells(path, f"a,b\n{'x' * 900_000},2\n") == [("x" * 900_000, "2")]


def test_the_columns_of_refused_rows_are_not_read_again(path: Path) -> None:
    columns, rows = read(path, "row,reason,a,b\n7,Why,1,2\n8,Why,1\n9,Why,,\n")
    assert columns == ("a", "b")
    assert [(row.number, row.cells, bool(row.fault), row.is_empty) for row in rows] == [
        (2, {"a": "1", "b": "2"}, False, False),
        (3, {"a": "1"}, True, False),
        (4, {"a": "", "b": ""}, False, True),
    ]


@pytest.mark.parametrize("header", ["row,a,reason", "reason,row,a", "Row,Reason,a", "a,row,reason"])
def test_columns_that_only_look_alike_are_read(path: Path, header: str) -> None:
    assert read(path, f"{header}\n1,2,3\n")[0] == tuple(header.split(","))


def test_progress_is_told_in_bytes(path: Path) -> None:
    path.write_bytes(b"a\n" + b"1\n" * 3 * BLOCK)
    size = path.stat().st_size
    with opened(path) as source:
        before = source.progress()
        assert len(list(source.rows())) == 3 * BLOCK
        assert before[0] < size
        assert (before[1], source.progress()) == (size, (size, size))


def test_many_rows_are_read_in_little_memory(path: Path) -> None:
    path.write_text("email,name\n" + "".join(f"p{number}@example.com,Name\n" for number in range(60_000)))
    with opened(path) as source:
        tracemalloc.start()
        last = 0
        for row in source.rows():
            last = row.number
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert last == 60_001
    assert peak < 2 * 1024 * 1024
