"""Unpack the parts of an XLSX file in blocks.

A zip file of one megabyte can unpack to gigabytes, and its headers cannot be trusted. So the unpacked bytes are counted
while reading, and the size of each row and each text is limited, too.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import IO, Any, Never
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat import ParserCreate
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from django.utils.translation import gettext

BLOCK = 64 * 1024  # bytes
LARGEST_DIRECTORY = 4 * 1024 * 1024  # bytes; the directory of a zip file is read at once
LARGEST_PIECE = 16 * 1024 * 1024  # bytes of XML: one row, or one shared string
MOST_TAGS = 300_000  # in a piece; a row has at most 16,384 cells, and a workbook 65,490 styles


class TooLargeError(Exception):
    """A workbook exceeds a limit. The message is for display."""


class Parts:
    """The parts of a workbook.

    Attributes:
        names: the names of all parts.
    """

    def __init__(self, file: IO[bytes], *, most: int) -> None:
        """Open the zip file.

        Args:
            most: maximum number of unpacked bytes of all parts together.

        Raises:
            BadZipFile: this is not a zip file.
            TooLargeError: it lists too many parts.
        """
        self._zip = ZipFile(_Packed(file))
        self._most = self._left = most
        self._read: dict[str, int] = {}
        self.names = frozenset(self._zip.namelist())

    def close(self) -> None:
        """Close the zip file, but not the underlying file."""
        self._zip.close()

    @contextmanager
    def opened(self, name: str) -> Iterator["Part"]:
        """Open a part.

        Raises:
            BadZipFile: the part uses a compression method that workbooks do not use.
            KeyError: there is no such part.
        """
        # Other compression methods unpack without a limit, and no workbook uses them.
        if self._zip.getinfo(name).compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
            raise BadZipFile(name)
        with self._zip.open(name) as file:
            yield Part(file, self, name)

    def count(self, name: str, read: int) -> None:
        """Count the unpacked bytes of a part. Bytes that are read again are not counted twice.

        Args:
            read: number of its bytes that were read.

        Raises:
            TooLargeError: too many bytes were unpacked.
        """
        self._left -= max(0, read - self._read.get(name, 0))
        self._read[name] = max(read, self._read.get(name, 0))
        if self._left < 0:
            text = gettext(
                "The file unpacks to more than %(most)d MB. Save the sheet as CSV, or raise "
                "IMPORT_UNPACKED_MB if you trust it."
            )
            raise TooLargeError(text % {"most": self._most // (1024 * 1024)})


class Part:
    """An open part."""

    def __init__(self, file: IO[bytes], parts: Parts, name: str) -> None:
        self._file = file
        self._parts = parts
        self._name = name
        self._read = 0
        self._bytes = self._tags = 0

    def read(self, _size: int = -1) -> bytes:
        """Return the next block.

        Raises:
            TooLargeError: the workbook or the current piece is too large.
        """
        block = self._file.read(BLOCK)
        self._read += len(block)
        self._parts.count(self._name, self._read)
        self._bytes += len(block)
        self._tags += block.count(b"<")
        if self._bytes > LARGEST_PIECE or self._tags > MOST_TAGS:
            raise TooLargeError(gettext("A row or another part of it is too large to read. Save the sheet as CSV."))
        return block

    def begin_piece(self) -> None:
        """Reset the counts of bytes and tags for a new piece."""
        self._bytes = self._tags = 0

    def read_rest(self, *, looking_for: bytes = b"") -> bool:
        """Read to the end, which verifies the checksum, and return whether `looking_for` was found."""
        is_found, end = not looking_for, b""
        while block := self.read():
            self.begin_piece()
            is_found = is_found or looking_for in end + block
            end = block[-len(looking_for) :]
        return is_found


def pieces(part: Part, tags: Collection[str], *, until: str = "") -> Iterator[Element]:
    """Yield the elements with these tags, including their contents. Nothing else is kept in memory.

    Args:
        until: the tag of an element after which all elements are ignored.

    Raises:
        TooLargeError: the workbook or a piece of it is too large.
        ExpatError: this is not XML.
        ValueError: it has a document type, whose entities could expand without limit.
    """
    found = _Pieces(tags, until)
    while not found.is_over:
        block = part.read()
        found.parser.Parse(block, not block)
        for element in found.taken():
            yield element
            part.begin_piece()
        if not block:
            return
    part.begin_piece()
    part.read_rest()


class _Pieces:
    """Expat handlers that build the elements with some tags and ignore everything else."""

    def __init__(self, tags: Collection[str], until: str) -> None:
        self.is_over = False
        self._tags, self._until = tags, until
        self._found: list[Element] = []
        self._builder: TreeBuilder | None = None
        self._depth = 0
        self.parser = ParserCreate(namespace_separator="}")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.CharacterDataHandler = self._data
        self.parser.EndElementHandler = self._end

    def taken(self) -> list[Element]:
        """Return the completed elements, each only once."""
        found, self._found = self._found, []
        return found

    def _doctype(self, *_said: Any) -> Never:
        raise ValueError

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = f"{{{name}"
        if self._builder is None:
            if tag not in self._tags or self.is_over:
                return
            self._builder = TreeBuilder()
        self._builder.start(tag, attributes)
        self._depth += 1

    def _data(self, text: str) -> None:
        if self._builder is not None:
            self._builder.data(text)

    def _end(self, name: str) -> None:
        tag = f"{{{name}"
        if self._builder is None:
            self.is_over = self.is_over or tag == self._until
            return
        element = self._builder.end(tag)
        self._depth -= 1
        if not self._depth:
            self._found.append(element)
            self._builder = None


class _Packed:
    """A file that refuses to read more at once than the directory of a zip file may have."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Read from the file.

        Raises:
            TooLargeError: `size` is too large.
        """
        if size > LARGEST_DIRECTORY:
            raise TooLargeError(gettext("The file lists too many parts."))
        return self._file.read(size)
