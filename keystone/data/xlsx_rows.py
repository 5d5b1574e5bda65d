"""The rows of a sheet, with details that openpyxl would lose or change."""

import re
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from typing import Any
from warnings import catch_warnings
from xml.etree.ElementTree import Element

from django.utils.translation import gettext
from openpyxl.utils import range_boundaries
from openpyxl.worksheet._reader import (
    DATA_TAG,
    DIMENSION_TAG,
    FORMULA_TAG,
    ROW_TAG,
    VALUE_TAG,
    WorkSheetParser,
)
from openpyxl.xml.constants import SHEET_MAIN_NS

from keystone.data.rows import LONGEST_CELL, MERGED, MOST_COLUMNS, NOT_CALCULATED, is_error
from keystone.data.xlsx_parts import Parts, TooLargeError, pieces
from keystone.data.xlsx_workbook import Structure
from keystone.text.spreadsheet import imported_text

MOST_ROWS = 1_048_576
MOST_MERGED = 100_000  # areas of merged cells
_ESCAPES = re.compile(r"_x(0009|000A|000D|005F)_")  # how Excel escapes these characters in text
_MERGED_TAG = f"{{{SHEET_MAIN_NS}}}mergeCell"
DIGITS = 15  # of a number; spreadsheets do not keep more


class Rows:
    """The rows of a sheet.

    Each row is a list of values up to the last that is not empty. Rows that the file omits are empty lists.

    Attributes:
        said: the number of rows that the sheet declares.
    """

    def __init__(self, parts: Parts, part: str, workbook: Structure) -> None:
        self.said = 0
        self._parts = parts
        self._part = part
        self._cells = _Cells(workbook)

    def __iter__(self) -> Iterator[list[Any]]:
        """Yield the rows.

        Raises:
            TooLargeError: the sheet, a row or a cell is too large.
            Exception: any error of openpyxl, the XML parser or zipfile for a damaged file.
        """
        given = 0
        self._cells.areas = self._merged()
        with self._parts.opened(self._part) as part:
            for element in pieces(part, {DIMENSION_TAG, ROW_TAG}, until=DATA_TAG):
                if element.tag == DIMENSION_TAG:
                    with suppress(LookupError, TypeError, ValueError):  # it is only used for the progress
                        self.said = range_boundaries(element.attrib["ref"])[3] or 0
                    continue
                number, values = self._cells.row(element)
                if not given < number <= MOST_ROWS:
                    raise ValueError(number)
                yield from ([] for _ in range(given + 1, number))
                yield values
                given = number

    def _merged(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Return the areas of merged cells: the row and column of the last cell by those of the first.

        They follow the rows in the file, so the sheet is read to its end first, which also verifies its checksum.
        """
        with self._parts.opened(self._part) as part:
            if not part.read_rest(looking_for=b"mergeCell"):
                return {}
        areas: dict[tuple[int, int], tuple[int, int]] = {}
        with self._parts.opened(self._part) as part:
            for element in pieces(part, {ROW_TAG, _MERGED_TAG}):
                if element.tag == _MERGED_TAG:
                    first, top, last, bottom = _area(element.attrib["ref"])
                    areas[top, first] = bottom, last
                if len(areas) > MOST_MERGED:
                    raise TooLargeError(gettext("The sheet has too many merged cells."))
        return areas


class _Cells(WorkSheetParser):
    def __init__(self, workbook: Structure) -> None:
        styles = workbook.styles
        super().__init__(
            BytesIO(),  # elements are passed to it instead
            workbook.texts,
            data_only=True,
            epoch=workbook.epoch,
            date_formats=styles.dates,
            timedelta_formats=styles.lengths,
        )
        self._widths = styles.widths
        self._is_to_be_calculated = workbook.is_to_be_calculated
        self.areas: dict[tuple[int, int], tuple[int, int]] = {}
        # By column, the last row in which an empty cell is covered, and the value to use for it.
        self._covered: dict[int, tuple[int, str]] = {}

    def row(self, element: Any) -> tuple[int, list[Any]]:
        """Return the number and the values of a row.

        Raises:
            TooLargeError: a cell is too long.
        """
        with catch_warnings(action="ignore"):  # about invalid dates
            number, cells = self.parse_row(element)
        self.row_dimensions.clear()  # openpyxl would keep them for all rows
        values = {cell["column"]: cell["value"] for cell in cells if cell["value"] not in {None, ""}}
        if self.areas:
            for column in [*values]:
                bottom, last = self.areas.get((number, column), (0, 0))
                self._covered |= dict.fromkeys(range(column, last + 1), (bottom, MERGED))
        for column, (bottom, what) in self._covered.items():
            if number <= bottom:
                values.setdefault(column, what)
        width = max(values, default=0)
        if width > MOST_COLUMNS:
            raise ValueError(width)
        return number, [values.get(column, "") for column in range(1, width + 1)]

    def parse_cell(self, element: Element) -> dict[str, Any]:
        """Return a cell like openpyxl, but with a value that can be imported.

        Raises:
            TooLargeError: it is too long.
        """
        cell: dict[str, Any] = super().parse_cell(element)
        value = cell["value"]
        if cell["data_type"] == "s":
            cell["value"] = _text(value or "")
        elif cell["data_type"] == "e" and not is_error(value):
            cell["value"] = "#VALUE!"
        elif cell["data_type"] == "n" and value is not None:
            value = cell["value"] = _number(value, self._widths.get(cell["style_id"], 0))
        formula = element.find(FORMULA_TAG)
        if formula is not None and self._has_no_value(element, value):
            cell["value"] = NOT_CALCULATED
            if formula.get("ref"):
                first, _top, last, bottom = _area(formula.attrib["ref"])
                self._covered |= dict.fromkeys(range(first, last + 1), (bottom, NOT_CALCULATED))
        return cell

    def _has_no_value(self, element: Element, value: Any) -> bool:
        if value is None:
            # The value may be an empty string, which the type reveals.
            return element.get("t") != "str" or element.find(VALUE_TAG) is None
        # XlsxWriter does not calculate formulas and writes 0 as their value, whatever the format of the cell.
        return self._is_to_be_calculated and element.get("t", "n") == "n" and element.findtext(VALUE_TAG) == "0"


def _area(reference: str) -> tuple[int, int, int, int]:
    first, top, last, bottom = range_boundaries(reference)
    if None in {first, top, last, bottom}:
        raise ValueError(reference)
    return first, top, last, bottom  # type: ignore[return-value]  # none of them is None


def _text(text: str) -> str:
    if len(text) > LONGEST_CELL:
        raise TooLargeError(gettext("A cell is longer than %(most)d characters.") % {"most": LONGEST_CELL})
    if "_x00" in text:
        text = _ESCAPES.sub(lambda found: chr(int(found[1], 16)), text)
    return imported_text(text)


def _number(value: float, width: int) -> Any:
    """Return a number as it is displayed: rounded to 15 digits, as an integer if it is whole, with leading zeros."""
    if isinstance(value, float):
        if abs(value) == float("inf"):
            return "#NUM!"
        value = float(f"{value:.{DIGITS}g}")
        if value.is_integer() and abs(value) < 10**DIGITS:
            value = int(value)
    if isinstance(value, int) and len(str(abs(value))) < width:
        return f"{value:0{width}d}" if value >= 0 else f"-{-value:0{width}d}"
    return value
