"""What the cells of a workbook say: formulas, numbers, errors, and texts that look like formulas."""

import re
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.formula import ArrayFormula

from keystone.data.files import FileUnusable, Row, opened
from tests.data.workbooks import excel_workbook, texts

HEADER = '<row r="1"><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.xlsx"


def read(path: Path) -> list[Row]:
    with opened(path) as source:
        return list(source.rows())


def cells(path: Path, *found: str, workbook: str = "") -> list[tuple[Any, str]]:
    """The values and faults of the second column, each of these cells in a row of its own."""
    rows = "".join(
        f'<row r="{number}"><c r="A{number}"><v>1</v></c>{cell.replace("<c", f'<c r="B{number}"', 1)}</row>'
        for number, cell in enumerate(found, start=2)
    )
    excel_workbook(path, rows=HEADER + rows, strings=texts("a", "b"), workbook=workbook)
    return [(row.cells["b"], row.fault) for row in read(path)]


def not_calculated(column: str) -> str:
    return f"“{column}” is a formula without a stored value: open the file in a spreadsheet program and save it."


def test_a_formula_that_was_never_calculated_is_a_fault(path: Path) -> None:
    workbook = Workbook()
    [sheet] = workbook.worksheets
    for row in (["a", "b", "c"], [1, "=A2*2", None], ["=A2", "=DATE(2030,1,31)", "x"], ["=1", "", None]):
        sheet.append(row)
    workbook.save(path)
    assert [(row.number, row.fault) for row in read(path)] == [
        (2, not_calculated("b")),
        (3, f"{not_calculated('a')} {not_calculated('b')}"),
        (4, not_calculated("a")),
    ]
    assert [row.is_empty for row in read(path)] == [False, False, False]


def test_a_formula_with_a_stored_value_has_that_value(path: Path) -> None:
    found = cells(
        path,
        "<c><f>1+1</f><v>2</v></c>",
        "<c><f>1-1</f><v>0</v></c>",
        '<c t="str"><f>"x"</f><v>x</v></c>',
        '<c t="str"><f>""</f><v></v></c>',
        '<c t="str"><f>""</f><v/></c>',
        '<c t="b"><f>1=2</f><v>0</v></c>',
        '<c s="1"><f>DATE(2023,3,15)</f><v>45000</v></c>',
        '<c t="e"><f>1/0</f><v>#DIV/0!</v></c>',
        '<c><f t="shared" ref="B10:B11" si="0">A1</f><v>7</v></c>',
        '<c><f t="shared" si="0"/><v>8</v></c>',
    )
    midnight = datetime(2023, 3, 15)  # noqa: DTZ001 - a workbook knows no zones
    assert [value for value, _fault in found] == [2, 0, "x", "", "", False, midnight, "#DIV/0!", 7, 8]
    assert [fault for _value, fault in found] == [""] * 7 + ["“b” has the spreadsheet's error #DIV/0!.", "", ""]


def test_every_way_to_write_a_formula_without_a_value_is_a_fault(path: Path) -> None:
    found = cells(
        path,
        "<c><f>1+1</f></c>",
        "<c><f>1+1</f><v></v></c>",
        "<c><f>1+1</f><v/></c>",
        "<c><f/><v/></c>",
        '<c t="str"><f>"x"</f></c>',
        '<c t="b"><f>1=1</f></c>',
        '<c t="e"><f>1/0</f></c>',
        '<c s="1"><f>TODAY()</f></c>',
        '<c><f t="shared" ref="B10:B11" si="0">A1</f></c>',
        '<c><f t="shared" si="0"/></c>',
    )
    assert found == [("#FORMULA!", not_calculated("b"))] * 10


def test_the_zeros_that_xlsxwriter_stores_are_no_values(path: Path) -> None:
    formulas = [f"<c{style}><f>1+1</f><v>0</v></c>" for style in ("", ' s="1"', ' s="2"', ' s="3"', ' s="4"')]
    values = ["<c><f>1+1</f><v>2</v></c>", '<c t="b"><f>1=2</f><v>0</v></c>', "<c><v>0</v></c>"]
    found = cells(path, *formulas, *values, workbook='<calcPr calcId="124519" fullCalcOnLoad="1"/>')
    assert found == [("#FORMULA!", not_calculated("b"))] * 5 + [(2, ""), (False, ""), (0, "")]
    found = cells(path, *formulas, *values, workbook='<calcPr calcId="1"/>')
    assert found == [(0, ""), (time(), ""), (timedelta(), ""), ("00000", ""), (0, ""), (2, ""), (False, ""), (0, "")]


def test_a_formula_of_several_cells_is_missed_in_each(path: Path) -> None:
    workbook = Workbook()
    [sheet] = workbook.worksheets
    for row in (["a", "b", "c"], [1], [2], [3, None, "x"], [4]):
        sheet.append(row)
    sheet["B2"] = ArrayFormula("B2:C4", "=TRANSPOSE(D1:F2)")
    workbook.save(path)
    both = f"{not_calculated('b')} {not_calculated('c')}"
    assert [row.fault for row in read(path)] == [both, both, not_calculated("b"), ""]


def test_a_cell_that_is_merged_with_another_is_not_empty(path: Path) -> None:
    workbook = Workbook()
    [sheet] = workbook.worksheets
    for row in (["a", "b", "c"], [1, "x", "y"], [2, None, None], [3, None, "z"], [4, "x", None], [None, None], [5]):
        sheet.append(row)
    for area in ("B2:B4", "B5:C5", "A6:C6", "B7:C8"):
        sheet.merge_cells(area)
    workbook.save(path)
    said = "is merged with other cells: unmerge them."
    assert [row.fault for row in read(path)] == ["", f"“b” {said}", f"“b” {said}", f"“c” {said}", "", "", ""]
    assert [row.is_empty for row in read(path)] == [False, False, False, False, True, False, True]


def test_numbers_are_read_as_they_are_shown(path: Path) -> None:
    numbers = {
        "4711.0": 4711,
        "0.0": 0,
        "-0.0": 0,
        "1.0": 1,
        "4.711E3": 4711,
        "1E+2": 100,
        "0.30000000000000004": 0.3,
        "1.1000000000000001": 1.1,
        "4711.5": 4711.5,
        "999999999999999.0": 999_999_999_999_999,
        "1.23456789012345E+18": 1.23456789012345e18,
        "123456789012345678": 123_456_789_012_345_678,
        "1E999": "#NUM!",
    }
    found = [value for value, _fault in cells(path, *(f"<c><v>{number}</v></c>" for number in numbers))]
    assert found == list(numbers.values())
    assert [type(value) for value in found] == [type(value) for value in numbers.values()]


def test_zeros_that_a_format_puts_before_a_number_are_part_of_it(path: Path) -> None:
    shown = {
        "1067": "01067",
        "1067.0": "01067",
        "0": "00000",
        "-7": "-00007",
        "12345": 12345,
        "123456": 123456,
        "1.5": 1.5,
    }
    found = cells(path, *(f'<c s="3"><v>{number}</v></c>' for number in shown))
    assert [value for value, _fault in found] == list(shown.values())


def test_a_percentage_is_its_number(path: Path) -> None:
    assert cells(path, '<c s="4"><v>0.5</v></c>') == [(0.5, "")]


def test_dates_count_from_the_epoch_of_the_workbook(path: Path) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - a workbook knows no zones
    workbook = Workbook()
    workbook.epoch = CALENDAR_MAC_1904
    for row in (["a", "b"], [1, moment]):
        workbook.worksheets[0].append(row)
    workbook.save(path)
    assert read(path)[0].cells["b"] == moment
    assert cells(path, '<c s="5"><v>45000</v></c>') == [(datetime(2023, 3, 15), "")]  # noqa: DTZ001 - as above


def test_an_error_that_nobody_knows_is_an_error(path: Path) -> None:
    expected = [("#VALUE!", "“b” has the spreadsheet's error #VALUE!.")] * 2
    assert cells(path, '<c t="e"><v>#GETTING_DATA</v></c>', '<c t="e"><v/></c>') == expected


def test_the_apostrophe_of_an_export_comes_off(path: Path) -> None:
    said = {
        "'=1+1": "=1+1",
        "''=1": "'=1",
        "'-": "-",
        "'tis": "'tis",
        "'\t=1": "\t=1",
        " =1 ": "=1",
        "_x005F_x000D_": "_x000D_",
    }
    found = cells(path, *(f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>' for text in said))
    assert [value for value, _fault in found] == list(said.values())


def test_rows_in_a_wrong_order_are_refused(path: Path) -> None:
    rows = HEADER + '<row r="3"><c><v>1</v></c></row><row r="2"><c><v>1</v></c></row>'
    excel_workbook(path, rows=rows, strings=texts("a", "b"))
    with pytest.raises(Exception, match="This is not an XLSX file, or it is damaged"):
        read(path)


def test_a_header_with_an_error_is_refused_by_its_column(path: Path) -> None:
    for header, expected in (
        (["email", "=A1"], not_calculated("B")),
        (["#REF!", "first_name"], "“A” has the spreadsheet's error #REF!."),
        (["People of 2030", None], "“B” is merged with other cells: unmerge them."),
    ):
        workbook = Workbook()
        [sheet] = workbook.worksheets
        sheet.append(header)
        sheet.append(["email", "first_name"])
        if header[1] is None:
            sheet.merge_cells("A1:B1")
        workbook.save(path)
        with pytest.raises(FileUnusable, match=re.escape(f"row 1: {expected}") + "$"):
            read(path)
