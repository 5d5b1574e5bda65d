"""Models of their own for the tests of imports, with what models have: keys, relations, times, constraints."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.core.validators import MaxValueValidator
from django.db import connection, models
from import_export.fields import Field
from import_export.resources import ModelResource
from import_export.widgets import CachedForeignKeyWidget

from keystone.actors.actor import Actor
from keystone.data.importing import run_import
from keystone.data.outcomes import ImportOptions, ImportResult


class Author(models.Model):
    name = models.CharField(max_length=50, unique=True)

    objects: ClassVar[models.Manager["Author"]] = models.Manager()

    class Meta:
        app_label = "library"

    def __str__(self) -> str:
        return self.name


class Book(models.Model):
    isbn = models.CharField(max_length=20, unique=True)
    title = models.CharField(max_length=30)
    pages = models.PositiveIntegerField(null=True, blank=True, validators=[MaxValueValidator(5000)])
    author = models.ForeignKey(Author, on_delete=models.CASCADE, null=True, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[models.Manager["Book"]] = models.Manager()

    class Meta:
        app_label = "library"
        verbose_name_plural = "books"
        constraints = (
            models.CheckConstraint(condition=~models.Q(title="forbidden"), name="library_book_is_allowed"),
            models.UniqueConstraint(fields=["title", "pages"], name="library_book_once"),
        )

    def __str__(self) -> str:
        return self.title


class BookResource(ModelResource):  # type: ignore[type-arg]  # at run time it takes no argument
    """Books, each written when its turn comes."""

    author = Field(attribute="author", column_name="author", widget=CachedForeignKeyWidget(Author, "name"))

    class Meta:
        model = Book
        import_id_fields = ("isbn",)
        fields = ("isbn", "title", "pages", "author")


class BulkBookResource(ModelResource):  # type: ignore[type-arg]  # at run time it takes no argument
    """Books, a chunk at a time."""

    author = Field(attribute="author", column_name="author", widget=CachedForeignKeyWidget(Author, "name"))

    class Meta:
        model = Book
        import_id_fields = ("isbn",)
        fields = ("isbn", "title", "pages", "author")
        use_bulk = True


@contextmanager
def tables() -> Iterator[None]:
    """The tables of the models, in the block."""
    with connection.schema_editor() as editor:
        editor.create_model(Author)
        editor.create_model(Book)
    try:
        yield
    finally:
        if not connection.in_atomic_block:  # else the end of the test takes them away
            with connection.schema_editor() as editor:
                editor.delete_model(Book)
                editor.delete_model(Author)


type Write = Callable[..., Path]
both = pytest.mark.parametrize("name", ["books", "bulk-books"])


def run(file: Path, *, name: str = "books", **options: Any) -> ImportResult:
    return run_import(name, ImportOptions(file=file, **options), by=Actor.system())


def books() -> list[tuple[Any, ...]]:
    return list(Book.objects.order_by("isbn").values_list("isbn", "title", "pages"))
