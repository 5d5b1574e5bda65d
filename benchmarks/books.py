"""A table of books, and the ways in which a file comes into it."""

from collections.abc import Callable
from pathlib import Path

from django.db import connection, models
from import_export.resources import ModelResource

from keystone.actors.actor import Actor
from keystone.data.importing import run_import
from keystone.data.outcomes import ImportOptions
from keystone.data.registry import importer


class Book(models.Model):
    """What there are many of."""

    isbn = models.CharField(max_length=20, unique=True)
    title = models.CharField(max_length=100)
    pages = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=8, decimal_places=2)
    published = models.DateField()

    class Meta:
        app_label = "benchmarks"

    def __str__(self) -> str:
        return self.title


@importer("books")
class BulkBooks(ModelResource):  # type: ignore[type-arg]  # at run time it takes no argument
    """Books, a thousand at a time."""

    class Meta:
        model = Book
        import_id_fields = ("isbn",)
        fields = ("isbn", "title", "pages", "price", "published")
        use_bulk = True


@importer("saved-books")
class SavedBooks(BulkBooks):
    """Books, each saved by itself, so that its signals are sent."""

    class Meta:
        use_bulk = False


def make_table() -> None:
    """Make the table."""
    with connection.schema_editor() as editor:
        editor.create_model(Book)


def copy(path: Path) -> None:
    """Fill the empty table by COPY."""
    _empty()
    with connection.cursor() as cursor, path.open("rb") as file:
        statement = "COPY benchmarks_book (isbn, title, pages, price, published) FROM STDIN (FORMAT csv, HEADER)"
        with cursor.copy(statement) as stream:
            while block := file.read(1 << 20):
                stream.write(block)


def importing(name: str, *, partial: bool = False, empties: bool = True) -> Callable[[Path], None]:
    """Fill the table by an importer, after emptying it unless told otherwise."""

    def run(path: Path) -> None:
        if empties:
            _empty()
        run_import(name, ImportOptions(file=path, partial=partial), by=Actor.system())

    return run


def _empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE benchmarks_book RESTART IDENTITY")
