"""Declaring importers, seeders, scripts and pipelines."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from keystone.data import registry
from keystone.data.declarations import Step
from keystone.data.registry import importer, pipeline, pipelines, script, seeder, seeders
from tests.data.library import BookResource

pytestmark = pytest.mark.usefixtures("declared_alone")


def nothing(*, count: int) -> int:
    """Makes nothing.

    And nothing more."""
    return 0


def other(**_: object) -> None:
    """Does nothing."""


def test_a_declaration_is_described_by_the_first_line_of_its_docstring() -> None:
    seeder("nothing")(nothing)
    assert seeders()["nothing"].description == "Makes nothing."
    seeder("nothing", description="Said.")(nothing)
    assert seeders()["nothing"].description == "Said."


@pytest.mark.parametrize("name", ["", "Big", "with space", "-x", "é", "a" * 101])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"is no name\. Use small letters, digits, '-' and '_'\.$"):
        script(name)(other)


def test_two_of_one_name_are_refused() -> None:
    script("one")(other)
    script("one")(other)  # the same, of a module that is imported again
    with pytest.raises(ImproperlyConfigured, match=r"there is a script called 'one' already\.$"):
        script("one")(nothing)
    pipeline("two", steps=[Step.script("one")])
    with pytest.raises(ImproperlyConfigured, match=r"^pipeline 'two': there is a pipeline called 'two' already\.$"):
        pipeline("two", steps=[Step.script("one")])


def test_what_is_no_resource_is_no_importer() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"it is not a ModelResource of django-import-export\.$"):
        importer("books")(registry.Unknown)  # type: ignore[type-var]  # what is refused
    importer("books")(BookResource)


def test_fields_that_tell_rows_apart_have_to_be_there() -> None:
    class Nameless(BookResource):
        class Meta:
            import_id_fields = ("name",)

    with pytest.raises(ImproperlyConfigured, match=r"import_id_fields names 'name', which is none of its fields\.$"):
        importer("nameless")(Nameless)


def test_seeders_come_after_those_that_they_are_after() -> None:
    for name, after in (("a", ("c",)), ("b", ()), ("c", ("b",)), ("d", ())):
        seeder(name, after=after)(nothing)
    assert list(seeders()) == ["b", "c", "a", "d"]


def test_steps_come_after_those_that_they_are_after() -> None:
    made = pipeline(
        "all", steps=[Step.seeder("x", after=("z",)), Step.script("y"), Step.importer("z", file="z.csv", after=("y",))]
    )
    assert [step.name for step in made.steps] == ["y", "z", "x"]


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ([], "pipeline 'p': it has no steps."),
        ([Step.script("a"), Step.seeder("a")], "pipeline 'p': two are called 'a'. Give one a name=."),
        ([Step.script("a", after=("b",))], "pipeline 'p': 'a' is after 'b', which is not there."),
        (
            [Step.script("a", after=("b",)), Step.script("b", after=("a",))],
            "pipeline 'p': these wait for each other: a, b, a.",
        ),
    ],
)
def test_steps_that_contradict_each_other_are_refused(steps: list[Step], line: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        pipeline("p", steps=steps)
    assert str(refusal.value) == line


def test_a_step_that_runs_what_is_not_there_is_refused() -> None:
    pipeline("p", steps=[Step.script("nothing", name="first")])
    registry.discover.cache_clear()
    with pytest.raises(ImproperlyConfigured) as refusal:
        pipelines()
    assert str(refusal.value) == "pipeline 'p': step 'first' runs the script 'nothing', which nobody has declared."
