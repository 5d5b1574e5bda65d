"""Read CSV files of spreadsheets and programs. Errors are reported with their byte and row."""

import codecs
import csv
import io
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from django.utils.translation import gettext

from keystone.data.rows import (
    LONGEST_CELL,
    MOST_COLUMNS,
    FileUnusable,
    Row,
    columns_of,
    excess,
    failed_formula,
    is_error,
    lack,
)
from keystone.text.spreadsheet import imported_text

DELIMITERS = (",", ";", "\t", "|")
BLOCK = 64 * 1024  # bytes
LONGEST_LINE = 16 * LONGEST_CELL
SEPARATOR_LINE = re.compile(r"sep=(.)(?:\r\n|\r|\n)", re.IGNORECASE)  # Excel does not count this line as a row
# A byte order mark overrides the given encoding. UTF-32 comes first, because its mark begins like that of UTF-16.
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Encodings that are specific to Python, and UTF-7, which can encode lone surrogates.
OF_NO_FILE = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}
ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how .xlsx and .xls files begin


class CsvFile:
    """An open CSV file. Its cells are stripped text."""

    def __init__(self, path: Path, file: BinaryIO, *, encoding: str, delimiter: str | None) -> None:
        """Read the header.

        Args:
            delimiter: None detects it from the header.

        Raises:
            FileUnusable: the file has no header, or cannot be read.
        """
        self._path = path
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._number = 0
        self._beginning: bytes | None = None
        self._beginning = beginning = self._read()
        if beginning.startswith(ARCHIVES):
            raise self._unusable(gettext("This is not a CSV file. If it is a workbook, its name must end in .xlsx."))
        self._encoding = next((name for mark, name in MARKS.items() if beginning.startswith(mark)), encoding)
        # The limit is global, so it is never lowered.
        csv.field_size_limit(max(LONGEST_CELL, csv.field_size_limit()))
        texts = self._texts()
        first = next(texts, "")
        if declared := SEPARATOR_LINE.match(first):
            first = first[declared.end() :]
        delimiter = delimiter or (declared[1] if declared else _delimiter_of(first, path))
        try:
            self._records = csv.reader(self._lines(chain([first], texts)), delimiter=delimiter, strict=True)
        except (TypeError, ValueError):
            text = gettext(
                "“%(delimiter)s” is not a valid delimiter: it must be one character, and not a quotation mark."
            )
            raise self._unusable(text % {"delimiter": delimiter}) from None
        header = next((cells for cells in self._stripped() if any(cells)), [])
        if not header and not beginning:
            raise self._unusable(gettext("The file is empty."))
        self.columns, self._skipped = columns_of(header, path, row=self._number or 1)

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header. Can be called only once.

        Raises:
            FileUnusable: the file cannot be read any further.
        """
        for cells in self._stripped():
            yield self._row(cells)

    def progress(self) -> tuple[int, int]:
        """Return the number of bytes read, and the size of the file."""
        return min(self._file.tell(), self._size), self._size

    def _row(self, record: list[str]) -> Row:
        cells = record[self._skipped :]
        if not any(cells):
            return Row(self._number, dict.fromkeys(self.columns, ""))
        given = dict(zip(self.columns, cells, strict=False))
        fault, extra, expected = "", tuple(cells[len(self.columns) :]), len(self.columns)
        if any(extra):
            fault = excess(len(cells), expected)
        elif len(cells) < expected:
            fault = lack(len(cells), expected)
        else:
            fault = " ".join(failed_formula(column, value) for column, value in given.items() if is_error(value))
        return Row(self._number, given, fault, extra if any(extra) else ())

    def _stripped(self) -> Iterator[list[str]]:
        """Yield the stripped cells of every record; a blank line has none."""
        while True:
            try:
                record = next(self._records, None)
            except csv.Error as error:
                raise self._unusable(_said(error), row=self._number + 1) from None
            if record is None:
                return
            self._number += 1
            if len(record) > MOST_COLUMNS:
                said = gettext("The row has %(found)d cells; at most %(most)d are allowed.")
                raise self._unusable(said % {"found": len(record), "most": MOST_COLUMNS}, row=self._number)
            yield [imported_text(cell) for cell in record]

    def _lines(self, texts: Iterator[str]) -> Iterator[str]:
        """Yield lines with their line endings for the CSV reader. Only \r\n, \n and \r end a line.

        Raises:
            FileUnusable: a line is far too long, or contains a NUL character.
        """
        begun, length = list[str](), 0  # the line that continues in the next block
        for text in texts:
            begun.append(text)
            length += len(text)
            if length > LONGEST_LINE:
                said = gettext("The line is longer than %(most)d characters.") % {"most": LONGEST_LINE}
                raise self._unusable(said, row=self._number + 1)
            if "\n" not in text and "\r" not in text:
                continue
            lines = io.StringIO("".join(begun), newline="").readlines()
            # A \r at the end may be the first half of \r\n.
            begun = [] if lines[-1].endswith("\n") else [lines.pop()]
            length = sum(map(len, begun))
            yield from map(self._without_nul, lines)
        if length:
            yield self._without_nul("".join(begun))

    def _without_nul(self, line: str) -> str:
        if "\0" in line:
            said = gettext(
                "The file contains a NUL character: it is not text, or has another encoding. Give it with --encoding."
            )
            raise self._unusable(said, row=self._number + 1)
        return line

    def _texts(self) -> Iterator[str]:
        """Yield the decoded text in blocks. If a byte cannot be decoded, the text before it is yielded first.

        Raises:
            FileUnusable: the file is not in this encoding, or there is no such encoding.
        """
        decoder = self._decoder()
        while True:
            block = self._read()
            read = self._file.tell()
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeError as error:
                # Number of bytes from the bad one on. The decoder has the same state as before the block.
                bad = len(error.object) - error.start if isinstance(error, UnicodeDecodeError) else len(block)
                text = ""
                with suppress(UnicodeError):
                    text = decoder.decode(block[: max(0, len(block) - bad)])
                yield text
                raise self._undecodable(read - bad) from None
            yield text
            if not block:
                return

    def _decoder(self) -> codecs.IncrementalDecoder:
        try:
            io.TextIOWrapper(io.BytesIO(), encoding=self._encoding)  # raises LookupError unless it decodes to text
            found = codecs.lookup(self._encoding)
        except (LookupError, UnicodeError, ValueError):
            found = None
        if found is None or found.name in OF_NO_FILE:
            said = gettext("Unknown encoding %(name)s. Try utf-8, cp1252, latin-1 or utf-16.")
            raise self._unusable(said % {"name": self._encoding})
        return found.incrementaldecoder()

    def _read(self) -> bytes:
        beginning, self._beginning = self._beginning, None
        try:
            return self._file.read(BLOCK) if beginning is None else beginning
        except OSError as error:
            raise self._unusable(str(error.strerror), row=self._number + 1) from None

    def _undecodable(self, at: int) -> FileUnusable:
        text = gettext(
            "Byte %(byte)d is not valid %(encoding)s. Give the file's encoding with --encoding, such "
            "as cp1252 or utf-16, or save the file as UTF-8."
        )
        return self._unusable(text % {"byte": at + 1, "encoding": self._encoding}, row=self._number + 1)

    def _unusable(self, said: str, *, row: int | None = None) -> FileUnusable:
        return FileUnusable(self._path, said, row=row)


def _delimiter_of(text: str, path: Path) -> str:
    """Return the delimiter that splits the header into the most cells. A .tsv file prefers the tab."""

    def cells(delimiter: str) -> int:
        records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            return len(next((record for record in records if record), []))
        except csv.Error:
            return 0

    if path.suffix.lower() == ".tsv" and cells("\t") > 1:
        return "\t"
    return max(DELIMITERS, key=cells)


def _said(error: csv.Error) -> str:
    if "field limit" in str(error):
        said = gettext("A cell is longer than %(most)d characters. A quotation mark in this row may not be closed.")
        return said % {"most": LONGEST_CELL}
    return gettext("A quotation mark is not closed, or is not doubled inside a quoted cell.")
