"""What is told to whoever declares something wrongly."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from keystone.data.declarations import Step
from keystone.data.registry import importer, importers, pipeline, script, seeder
from tests.data.library import BookResource

pytestmark = pytest.mark.usefixtures("declared_alone")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"required": ["titel"]}, "required names 'titel', which is none of its columns. There are: "),
        ({"required": "title"}, "required names 't', which is none of its columns. There are: "),
        ({"columns": {"Buch": "titel"}}, "columns names 'titel', which is none of its columns. There are: "),
        ({"transforms": {"titel": str.upper}}, "transforms names 'titel', which is none of its columns. There are: "),
        ({"existing": "skip"}, "existing is 'skip'. It is one of Existing.UPDATE, Existing.SKIP, Existing.REFUSE."),
    ],
)
def test_an_importer_that_nobody_would_understand_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        importer("books", **options)(BookResource)
    assert str(refusal.value).startswith(f"@importer on tests.data.library.BookResource: {said}")
    assert importers() == {}


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step.importer("books", flie="x.csv"), "is told 'flie', which no importer takes. There are: chunk, columns, "),
        (Step.importer("books", existing="skip"), ": existing is 'skip'. It is one of Existing.UPDATE, "),
        (Step.script("books", outptu="x"), "is told 'outptu', which no script takes. There are: output, source."),
        (Step.seeder("books", count=0), ": count is 0. It has to be a whole number from 1 on."),
    ],
)
def test_a_step_that_is_told_what_nobody_hears_is_refused(step: Step, said: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        pipeline("all", steps=[step])
    assert str(refusal.value).removeprefix("pipeline 'all': step 'books'").lstrip().startswith(said)


@pytest.mark.parametrize(("decorator", "called"), [(importer, "@importer"), (seeder, "@seeder"), (script, "@script")])
def test_a_decorator_without_parentheses_is_refused(decorator: Any, called: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        decorator(BookResource)
    assert str(refusal.value) == (
        f"{called} on <class 'tests.data.library.BookResource'>: it needs a name. Write {called}(\"name\")."
    )
