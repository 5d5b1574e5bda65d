"""Importing: which column is which, and what is made of cells."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from import_export.fields import Field
from import_export.resources import ModelResource
from import_export.widgets import ManyToManyWidget

from keystone.data.columns import WrongColumns
from keystone.data.importing import Contradiction
from keystone.data.models import DataRun
from keystone.data.outcomes import Changed, Refused, RowsRefused
from keystone.data.registry import importer
from tests.data.library import Author, Book, BookResource, Write, books, both, run


def test_other_columns_can_tell_rows_apart(library: None, write: Write) -> None:
    Book.objects.create(isbn="1", title="One", pages=1)
    run(write(["9", "One", 1]), unique=("title", "pages"))
    assert books() == [("9", "One", 1)]
    with pytest.raises(WrongColumns, match=r"^Unknown columns: nothing\. The importer accepts: isbn, "):
        run(write(["9", "One", 1]), unique=("nothing",))


def test_several_rows_that_are_meant_are_told(library: None, write: Write) -> None:
    Book.objects.create(isbn="1", title="One", pages=1)
    Book.objects.create(isbn="2", title="One", pages=2)
    outcome = run(write(["3", "One", 3]), unique=("title",), partial=True)
    assert [refusal.reason for refusal in outcome.refusals] == ["The table has 2 rows that match this one."]


def test_columns_are_found_by_their_names_and_what_they_are_called_elsewhere(library: None, write: Write) -> None:
    file = write(["1", "One", 7], header=(" ISBN ", "title  of the BOOK", "Seiten"))
    with pytest.raises(WrongColumns) as refusal:
        run(file)
    assert refusal.value.detail == (
        "Unknown columns: Seiten. The importer accepts: isbn, title, pages, author. "
        "Map them with --map THEIRS=OURS, or skip them with --ignore-unknown."
    )
    run(file, columns={"seiten": "pages"})
    assert books() == [("1", "One", 7)]
    run(write(["1", "Uno", 8], header=("isbn", "title", "Seiten")), ignore_unknown=True)
    assert books() == [("1", "Uno", 7)]


@pytest.mark.parametrize(
    ("header", "options", "line"),
    [
        (("title", "pages"), {}, "Missing columns: isbn. The file has: title, pages."),
        (
            ("isbn", "title"),
            {"columns": {"Seiten": "pages"}},
            "Missing columns: Seiten. The file has: isbn, title.",
        ),
        (
            ("isbn", "x"),
            {"columns": {"x": "y"}},
            "Unknown columns: y. The importer accepts: isbn, title, pages, author.",
        ),
        (("isbn", "title", "Title of the book"), {}, "The columns title, Title of the book both map to title."),
    ],
)
def test_columns_that_do_not_fit_are_told(
    library: None, write: Write, header: tuple[str, ...], options: dict[str, Any], line: str
) -> None:
    with pytest.raises(WrongColumns) as refusal:
        run(write(["1"] * len(header), header=header), **options)
    assert refusal.value.detail == line
    assert not DataRun.objects.exists()


def test_cells_are_transformed_and_rows_checked_before_they_are_written(library: None, write: Write) -> None:
    def number(cell: str) -> str:
        if not cell.isdigit():
            raise ValueError("It is no number.")
        return str(int(cell) * 2)

    def check(row: Mapping[str, Any]) -> None:
        if row["title"] == "bad":
            raise ValidationError("This title is bad.")

    importer("more-books", transforms={"pages": number, "title": str.lower}, checks=[check])(BookResource)
    file = write(["1", "ONE", "5"], ["2", "Two", "x"], ["3", "BAD", "1"])
    outcome = run(file, name="more-books", partial=True)
    assert books() == [("1", "one", 10)]
    assert outcome.refusals == (Refused(3, "pages: It is no number."), Refused(4, "This title is bad."))


@both
def test_relations_are_found_or_told(library: None, write: Write, name: str) -> None:
    ada = Author.objects.create(name="Ada")
    outcome = run(
        write(["1", "One", "Ada"], ["2", "Two", "Bob"], header=("isbn", "title", "author")), name=name, partial=True
    )
    assert Book.objects.get().author == ada
    assert outcome.refusals == (Refused(3, "author: There is no “Bob”."),)


def test_many_to_many_relations_are_set_and_compared(library: None, write: Write) -> None:
    importer("test-groups")(GroupResource)
    header = ("name", "permissions")
    assert run(write(["Staff", "view_user;approve_user"], header=header), name="test-groups").created == 1
    assert set(Group.objects.get(name="Staff").permissions.values_list("codename", flat=True)) == {
        "view_user",
        "approve_user",
    }
    same = run(write(["Staff", "approve_user;view_user"], header=header), name="test-groups")
    assert (same.counts.unchanged, same.changes) == (1, ())
    fewer = run(write(["Staff", "view_user"], header=header), name="test-groups")
    assert fewer.changes == (Changed(2, False, {"permissions": ("approve_user;view_user", "view_user")}),)
    assert list(Group.objects.get(name="Staff").permissions.values_list("codename", flat=True)) == ["view_user"]
    with pytest.raises(RowsRefused) as refusal:
        run(write(["Staff", "view_user;fly"], header=header), name="test-groups")
    assert refusal.value.imported.refusals == (Refused(2, "permissions: There is no “fly”."),)


class GroupResource(ModelResource):  # type: ignore[type-arg]  # at run time it takes no argument
    """In bulk, which cannot be: they have relations to many."""

    permissions = Field(
        attribute="permissions",
        column_name="permissions",
        widget=ManyToManyWidget(Permission, ";", "codename"),  # type: ignore[type-var]  # the stubs know no other base
    )

    class Meta:
        model = Group
        import_id_fields = ("name",)
        fields = ("name", "permissions")
        use_bulk = True


def test_an_importer_may_refuse_to_have_its_table_emptied_or_its_key_changed(library: None, write: Write) -> None:
    importer("kept-books", truncatable=False, has_own_key=True)(BookResource)
    with pytest.raises(Contradiction, match=r"^The table of the importer kept-books cannot be emptied\.$"):
        run(write(["1", "One", 1]), name="kept-books", truncate=True)
    with pytest.raises(WrongColumns, match=r"^The importer kept-books can identify rows only by isbn\.$"):
        run(write(["1", "One", 1]), name="kept-books", unique=("title",))


def test_all_rows_are_new_where_nothing_tells_them_apart(library: None, write: Write) -> None:
    class Anonymous(BookResource):
        class Meta:
            import_id_fields = ["id"]  # import-export's default

    importer("anonymous")(Anonymous)
    file = write(["1", "One", 1], ["2", "Two", 2])
    assert run(file, name="anonymous").created == 2
    with pytest.raises(RowsRefused) as refusal:
        run(file, name="anonymous")
    assert [refused.reason for refused in refusal.value.imported.refusals] == [
        "isbn: Book with this Isbn already exists. Book with this Title and Pages already exists.",
    ] * 2


def test_keys_that_a_file_gives_are_taken_over(library: None, write: Write) -> None:
    class Numbered(BookResource):
        class Meta:
            fields = ("id", "isbn", "title")
            import_id_fields = ["id"]

    importer("numbered")(Numbered)
    run(write([7, "1", "One"], header=("id", "isbn", "title")), name="numbered")
    assert Book.objects.get().pk == 7
    assert Book.objects.create(isbn="2", title="Two").pk == 8  # the sequence goes on after it
