"""Declarations of a test's own."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from keystone.data import registry
from keystone.data.declarations import Existing
from keystone.data.registry import importer
from tests.data.commanding import WriteLines
from tests.data.library import Book, BookResource, BulkBookResource, Write, tables
from tests.database.conftest import _migrated, migrated  # noqa: F401 - fixtures

_REGISTERED: tuple[dict[str, Any], ...] = (
    registry._importers,
    registry._seeders,
    registry._scripts,
    registry._pipelines,
)


@pytest.fixture
def declared() -> Iterator[None]:
    """Take away at the end what the test declares."""
    registry.discover()  # once and for all: what it imported later would be taken away with the rest
    known = [dict(registered) for registered in _REGISTERED]
    yield
    for registered, before in zip(_REGISTERED, known, strict=True):
        registered.clear()
        registered.update(before)


@pytest.fixture
def declared_alone(declared: None) -> None:
    """Nothing is declared but what the test declares."""
    for registered in _REGISTERED:
        registered.clear()


@pytest.fixture
def library(db: None, declared: None) -> Iterator[None]:
    """Tables of books and authors, and importers of books: "books", and "bulk-books" which writes in bulk."""
    importer("books", columns={"Title of the book": "title"})(BookResource)
    importer("bulk-books")(BulkBookResource)
    with tables():
        yield


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a CSV file of rows."""

    def written(*rows: Sequence[Any], header: Sequence[str] = ("isbn", "title", "pages"), name: str = "books") -> Path:
        path = tmp_path / f"{name}.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    return written


@pytest.fixture
def shop(db: None, declared_alone: None) -> Iterator[None]:
    """Two importers of books, of which the second never empties the table; and two books."""
    importer("books", description="Books, by ISBN.", columns={"Buch": "title"})(BookResource)
    importer("kept-books", description="Books to keep.", existing=Existing.SKIP, required=["title"], truncatable=False)(
        BookResource
    )
    with tables():
        Book.objects.create(isbn="1", title="One", pages=10)
        Book.objects.create(isbn="2", title="Two", pages=20)
        yield


@pytest.fixture
def lines(tmp_path: Path) -> WriteLines:
    """Writes a file of lines as they are."""

    def written(*lines: str, name: str = "books.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding=encoding)
        return path

    return written


@pytest.fixture
def mixed(lines: WriteLines) -> Path:
    """A book that is there so, one that is there otherwise, a new one, and two that are refused."""
    return lines("isbn,title,pages", "1,One,10", "2,Zwei,22", "3,Three,", "4,Four,many", "3,Again,1")
