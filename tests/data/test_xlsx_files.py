"""XLSX: as openpyxl writes it, as Excel writes it, and damaged."""

import random
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl import Workbook
from openpyxl.chart import BarChart
from openpyxl.worksheet.datavalidation import DataValidation

from keystone.data import xlsx_rows
from keystone.data.files import FileUnusable, Row, opened
from tests.data.workbooks import excel_workbook, texts

DAMAGED = "This is not an XLSX file, or it is damaged. Open it in a spreadsheet program and save it again."
HEADER = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.xlsx"


def read(path: Path, **options: Any) -> tuple[tuple[str, ...], list[Row]]:
    with opened(path, **options) as source:
        return source.columns, list(source.rows())


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(FileUnusable) as refused:
        read(path, **options)
    return refused.value.detail.removeprefix(str(path)).lstrip(":, ")


def saved(path: Path, *rows: list[Any]) -> Path:
    workbook = Workbook()
    for row in rows:
        workbook.worksheets[0].append(row)
    workbook.save(path)
    return path


def test_values_have_their_types(path: Path) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - a workbook knows no zones
    values = [" Zoë ", 5, 1.5, True, False, moment, date(2026, 1, 2), time(3, 4), timedelta(hours=30), None]
    names = [f" c{place} " for place in range(len(values))]
    columns, [row] = read(saved(path, names, values))
    assert columns == tuple(name.strip() for name in names)
    midnight = datetime(2026, 1, 2)  # noqa: DTZ001 - as above
    expected = ["Zoë", 5, 1.5, True, False, moment, midnight, time(3, 4), timedelta(hours=30), ""]
    assert row == Row(2, dict(zip(columns, expected, strict=True)))
    assert [type(value) for value in row.cells.values()] == [type(value) for value in expected]


def test_a_workbook_with_macros_is_read(tmp_path: Path) -> None:
    assert read(saved(tmp_path / "people.XLSM", ["a"], [1]))[1] == [Row(2, {"a": 1})]


def test_columns_may_be_named_by_numbers(path: Path) -> None:
    assert read(saved(path, ["name", 2026], ["a", 1]))[0] == ("name", "2026")


def test_what_excel_writes_is_read(path: Path) -> None:
    strings = (
        texts("name", "note", "  Zoë ")
        + "<si><r><t>part </t></r><r><rPr><b/></rPr><t>bold</t></r><rPh sb='0' eb='1'><t>phonetic</t></rPh></si>"
        + texts("one_x000D_\ntwo _x0000_ _xD800_")
    )
    rows = HEADER + (
        '<row r="2" spans="1:2"><c r="A2" t="s"><v>2</v></c><c r="B2" t="s"><v>3</v></c></row>'
        '<row r="3"><c r="B3" t="s"><v>4</v></c></row>'
        '<row r="4"><c r="A4" s="1"><v>45000</v></c><c r="B4" s="2"><v>1.25</v></c></row>'
        '<row r="5"><c r="A5" t="str"><f>"a"&amp;"b"</f><v>ab</v></c><c r="B5" t="str"><f>""</f><v></v></c></row>'
        '<row r="6"><c t="b"><v>1</v></c><c t="inlineStr"><is><t>inline</t></is></c></row>'
        '<row><c t="d"><v>2026-01-02T03:04:05Z</v></c><c><v>1E3</v></c></row>'
    )
    columns, found = read(excel_workbook(path, rows=rows, strings=strings))
    assert columns == ("name", "note")
    moment = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - a workbook knows no zones
    assert [(row.number, *row.cells.values(), row.fault) for row in found] == [
        (2, "Zoë", "part bold", ""),
        (3, "", "one\r\ntwo _x0000_ _xD800_", ""),
        (4, datetime(2023, 3, 15), timedelta(days=1, hours=6), ""),  # noqa: DTZ001 - as above
        (5, "ab", "", ""),
        (6, True, "inline", ""),
        (7, moment, 1000.0, ""),
    ]


def test_rows_are_numbered_as_the_spreadsheet_shows_them(path: Path) -> None:
    rows = (
        '<row r="3"><c r="A3" t="s"><v>0</v></c></row><row r="5"><c r="A5"><v>1</v></c></row>'
        '<row r="6"><c r="A6" s="1"/></row><row r="7"/>'
    )
    _columns, found = read(excel_workbook(path, rows=rows, strings=texts("a")))
    assert found == [Row(4, {"a": ""}), Row(5, {"a": 1}), Row(6, {"a": ""}), Row(7, {"a": ""})]
    assert [row.is_empty for row in found] == [True, False, True, True]


def test_a_row_beyond_the_last_that_a_sheet_can_have_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_rows, "MOST_ROWS", 3)  # of a million, for speed
    rows = HEADER + '<row r="3"><c r="A3"><v>1</v></c></row>'
    assert read(excel_workbook(path, rows=rows, strings=texts("a", "b")))[1][-1].number == 3
    excel_workbook(path, rows=rows + '<row r="999999999999"/>', strings=texts("a", "b"))
    assert refusal(path) == f"row 4: {DAMAGED}"


@pytest.mark.parametrize("dimension", ["A1", "A1:B2", "A1:XFD1048576", "nonsense"])
def test_a_wrong_dimension_loses_no_row(path: Path, dimension: str) -> None:
    rows = HEADER + "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="B{n}"><v>1</v></c></row>' for n in (2, 3, 4))
    excel_workbook(path, rows=rows, strings=texts("a", "b"), head=f'<dimension ref="{dimension}"/>')
    assert [row.cells["a"] for row in read(path)[1]] == [2, 3, 4]


def test_what_openpyxl_warns_of_does_not_matter(path: Path) -> None:
    tail = '<conditionalFormatting sqref="A1"/><extLst><ext uri="{CCE6A557-97BC-4B89-ADB6-D9C93CAAB3DF}"/></extLst>'
    excel_workbook(path, rows=HEADER + '<row r="2"><c r="A2"><v>1</v></c></row>', strings=texts("a", "b"), tail=tail)
    assert read(path)[1] == [Row(2, {"a": 1, "b": ""})]


def test_formats_of_a_whole_sheet_do_not_matter(path: Path) -> None:
    workbook = Workbook()
    [sheet] = workbook.worksheets
    sheet.append(["a", "b"])
    sheet.append([1, 2])
    sheet.add_data_validation(DataValidation(type="list", formula1='"x,y"', sqref="A2:A100"))
    sheet.auto_filter.ref = "A1:B2"
    sheet.freeze_panes = "A2"
    sheet.merge_cells("A3:B3")
    workbook.save(path)
    assert read(path)[1][0] == Row(2, {"a": 1, "b": 2})


def test_an_error_and_a_number_that_is_no_date_are_faults(path: Path) -> None:
    rows = HEADER + '<row r="2"><c r="A2" t="e"><v>#DIV/0!</v></c><c r="B2" s="1"><v>99999999</v></c></row>'
    _columns, [row] = read(excel_workbook(path, rows=rows, strings=texts("a", "100%")))
    assert row.fault == "“a” has the spreadsheet's error #DIV/0!. “100%” has the spreadsheet's error #VALUE!."
    assert row.cells == {"a": "#DIV/0!", "100%": "#VALUE!"}


def test_a_cell_beyond_the_header_is_a_fault(path: Path) -> None:
    _columns, rows = read(saved(path, ["a", "b"], [1, 2, None, "x"], [3, 4, None, " "], [5]))
    assert rows == [
        Row(2, {"a": 1, "b": 2}, "The row has 4 cells, but the header has 2 columns.", ("", "x")),
        Row(3, {"a": 3, "b": 4}),
        Row(4, {"a": 5, "b": ""}),
    ]


def test_the_header_is_judged_as_that_of_csv(path: Path) -> None:
    assert refusal(saved(path, ["a", None, "c"])) == "row 1: The header has no name for column B."
    assert refusal(saved(path, ["a", "A "])).startswith("row 1: The header has duplicate columns")
    assert refusal(saved(path)) == "The sheet is empty."
    assert refusal(saved(path, ["row", "reason"])) == "row 1: There is no header row."


def test_a_corrected_file_of_refused_rows_is_read_from_a_workbook(path: Path) -> None:
    columns, rows = read(saved(path, ["row", "reason", "a"], [7, "Why.", 1], [8, "Why.", 2, 3], [9, "Why.", None]))
    assert columns == ("a",)
    assert rows == [
        Row(2, {"a": 1}),
        Row(3, {"a": 2}, "The row has 2 cells, but the header has 1 column.", (3,)),
        Row(4, {"a": ""}),
    ]


def test_the_first_sheet_that_shows_is_read_or_that_of_a_name(path: Path) -> None:
    workbook = Workbook()
    workbook.worksheets[0].title = "Hidden"
    workbook.worksheets[0].append(["h"])
    workbook.worksheets[0].sheet_state = "hidden"
    workbook.create_chartsheet("Chart", 0).add_chart(BarChart())
    for title in ("Leute", "Groups"):
        workbook.create_sheet(title).append([title[0]])
    workbook.save(path)
    assert read(path)[0] == ("L",)
    assert read(path, sheet="GROUPS")[0] == ("G",)
    assert read(path, sheet="Hidden")[0] == ("h",)
    assert refusal(path, sheet="People") == "There is no sheet “People”. There are: Hidden, Leute, Groups."


def test_a_password_or_the_old_format_is_refused(path: Path) -> None:
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000)
    assert refusal(path) == (
        "The file is protected by a password, or in Excel's old format. Save it as .xlsx without a password."
    )


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_workbook_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert refusal(path) == DAMAGED


def test_xml_that_grows_is_refused(path: Path) -> None:
    entities = '<!DOCTYPE a [<!ENTITY a0 "aaaaaaaaaa">' + "".join(
        f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, 10)
    )
    excel_workbook(path, rows=HEADER, strings=texts("a", "b"))
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    row = '<row r="2"><c r="A2" t="str"><v>&a9;</v></c></row>'
    parts["xl/worksheets/sheet1.xml"] = (entities + "]>" + sheet.replace("</sheetData>", f"{row}</sheetData>")).encode()
    with ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert refusal(path).endswith(DAMAGED)


def test_a_file_that_is_damaged_on_the_way_is_refused_with_its_row(path: Path) -> None:
    rows = HEADER + '<row r="2"><c r="A2"><v>1</v></c></row><row r="3"><c r="A3" t="s"><v>99</v></c></row>'
    excel_workbook(path, rows=rows, strings=texts("a", "b"))
    given: list[Row] = []
    with pytest.raises(FileUnusable) as refused, opened(path) as source:
        given += source.rows()
    assert (given, refused.value.row) == ([Row(2, {"a": 1, "b": ""})], 3)
    assert refused.value.detail == f"{path}, row 3: {DAMAGED}"


def test_bytes_that_changed_are_refused_or_read_but_nothing_else(path: Path) -> None:
    rows = HEADER + "".join(
        f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="B{n}" s="1"><v>{n}</v></c></row>' for n in (2, 3)
    )
    whole = excel_workbook(path, rows=rows, strings=texts("a", "b")).read_bytes()
    chance = random.Random(5)  # noqa: S311 - the same each time
    outcomes = set()
    for _time in range(150):
        changed = bytearray(whole)
        changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(changed[: chance.choice([len(changed), chance.randrange(1, len(changed))])])
        try:
            outcomes.add(bool(read(path)))
        except FileUnusable:
            outcomes.add(False)
    assert outcomes == {True, False}


def test_progress_is_told_in_rows(path: Path) -> None:
    with opened(saved(path, ["a"], *([number] for number in range(2000)))) as source:
        assert source.progress() == (1, 2001)
        assert len(list(source.rows())) == 2000
        assert source.progress() == (2001, 2001)


def test_progress_of_a_sheet_that_does_not_say_how_many_rows_it_has(path: Path) -> None:
    rows = HEADER + '<row r="2"><c r="A2"><v>1</v></c></row>'
    with opened(excel_workbook(path, rows=rows, strings=texts("a", "b"))) as source:
        assert source.progress() == (1, 1)
        assert len(list(source.rows())) == 1
        assert source.progress() == (2, 2)
