"""Sheets, shared strings and date formats of a workbook."""

import posixpath
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element

from django.utils.translation import gettext
from openpyxl.cell.text import Text
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, WINDOWS_EPOCH
from openpyxl.xml.constants import PKG_REL_NS, REL_NS, SHEET_MAIN_NS

from keystone.data.xlsx_parts import Parts, TooLargeError, pieces

LARGEST_TEXTS = 256 * 1024 * 1024  # bytes in memory
_MAIN = f"{{{SHEET_MAIN_NS}}}"
# Date and time formats of Chinese, Japanese and Korean workbooks, which openpyxl does not know.
_EAST_ASIAN = dict.fromkeys((*range(27, 37), *range(50, 59)), "yyyy-mm-dd")
_ZEROS = re.compile(r"0+")  # a format such as 00000, which shows leading zeros


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook.

    Attributes:
        part: the name of its part.
    """

    title: str
    is_visible: bool
    part: str


@dataclass(frozen=True)
class Styles:
    """The cell styles that affect how a number is read.

    Attributes:
        dates, lengths: the styles of dates and times, and the subset for durations.
        widths: the minimum number of digits by style.
    """

    dates: frozenset[int]
    lengths: frozenset[int]
    widths: dict[int, int]


@dataclass(frozen=True)
class Structure:
    """The parts of a workbook that are read before its rows.

    Attributes:
        sheets: the worksheets in order.
        epoch: the day that dates are counted from.
        is_to_be_calculated: whether formulas have to be calculated when the workbook is opened.
    """

    sheets: tuple[Sheet, ...]
    epoch: datetime
    is_to_be_calculated: bool
    texts: list[str]
    styles: Styles


def structure_of(parts: Parts) -> Structure:
    """Read the structure of a workbook.

    Raises:
        LookupError, ValueError, ExpatError, BadZipFile: this is not a workbook, or a damaged one.
        TooLargeError: it exceeds a limit.
    """
    [workbook, *_others] = _related(parts, "").of_type("/officeDocument")
    related = _related(parts, workbook)
    sheets, epoch, is_to_be_calculated = [], WINDOWS_EPOCH, False
    sheet_parts = related.of_type("/worksheet")
    tags = [f"{_MAIN}{name}" for name in ("sheet", "workbookPr", "calcPr")]
    for element in _pieces(parts, workbook, *tags):
        if element.tag == f"{_MAIN}sheet":
            part = related.targets.get(element.get(f"{REL_NS}}}id", ""), "")
            if part in sheet_parts and part in parts.names:
                sheets.append(Sheet(element.get("name", ""), element.get("state", "visible") == "visible", part))
        elif element.tag == f"{_MAIN}workbookPr" and _is_true(element.get("date1904")):
            epoch = CALENDAR_MAC_1904
        elif element.tag == f"{_MAIN}calcPr":
            is_to_be_calculated = _is_true(element.get("fullCalcOnLoad"))
    texts = [text for part in related.of_type("/sharedStrings") for text in _texts(parts, part)]
    [styles, *_others] = [*related.of_type("/styles"), ""]
    return Structure(tuple(sheets), epoch, is_to_be_calculated, texts, _styles(parts, styles))


@dataclass(frozen=True)
class _Related:
    """The parts that a part refers to: names by relation key, and the types of the relations."""

    targets: dict[str, str]
    types: dict[str, str]

    def of_type(self, end: str) -> list[str]:
        return [self.targets[key] for key, kind in self.types.items() if kind.endswith(end)]


def _related(parts: Parts, part: str) -> _Related:
    folder, name = posixpath.split(part)
    related = _Related({}, {})
    for element in _pieces(parts, posixpath.join(folder, "_rels", f"{name}.rels"), f"{{{PKG_REL_NS}}}Relationship"):
        key = element.attrib["Id"]
        related.targets[key] = posixpath.normpath(posixpath.join("/", folder, element.get("Target", ""))).lstrip("/")
        related.types[key] = element.get("Type", "")
    return related


def _texts(parts: Parts, part: str) -> Iterator[str]:
    held = 0
    for element in _pieces(parts, part, f"{_MAIN}si"):
        found: Any = Text.from_tree(element)  # type: ignore[arg-type]  # the stubs have a narrower protocol
        text = str(found.content)
        held += sys.getsizeof(text)
        if held > LARGEST_TEXTS:
            said = gettext("The file's texts take more than %(most)d MB of memory. Save the sheet as CSV.")
            raise TooLargeError(said % {"most": LARGEST_TEXTS // (1024 * 1024)})
        yield text


def _styles(parts: Parts, part: str) -> Styles:
    formats = BUILTIN_FORMATS | _EAST_ASIAN
    dates, lengths, widths, style = set(), set(), {}, 0
    if part in parts.names:
        for element in _pieces(parts, part, f"{_MAIN}numFmt", f"{_MAIN}cellXfs"):
            if element.tag == f"{_MAIN}numFmt":
                formats[int(element.attrib["numFmtId"])] = element.attrib["formatCode"]
                continue
            for style, one in enumerate(element.iterfind(f"{_MAIN}xf")):
                code = formats.get(int(one.get("numFmtId", "0")), "General")
                if is_date_format(code):
                    dates.add(style)
                if is_timedelta_format(code):
                    lengths.add(style)
                if _ZEROS.fullmatch(code):
                    widths[style] = len(code)
    return Styles(frozenset(dates), frozenset(lengths), widths)


def _pieces(parts: Parts, name: str, *tags: str) -> Iterator[Element]:
    with parts.opened(name) as part:
        yield from pieces(part, tags)


def _is_true(value: str | None) -> bool:
    return value in {"1", "true"}
