"""Print the plan of a migration: as text, JSON or SQL."""

from collections.abc import Callable, Sequence

from django.core.management.base import OutputWrapper
from django.utils.translation import gettext

from keystone.console.printing import print_json, printable
from keystone.database import planning
from keystone.database.planning import Step


def show_plan(out: OutputWrapper, steps: Sequence[Step], *, branch: str | None = None, as_json: bool = False) -> None:
    """Print the steps of a plan in order.

    Args:
        branch: the requested branch; steps of other branches are marked.
    """
    if as_json:
        print_json(out, {"plan": [_data(step) for step in steps]})
        return
    if not steps:
        out.write(gettext("Nothing to do."))
    for step in steps:
        out.write(_heading(step, branch))
        for operation in step.operations:
            out.write(f"    {printable(operation)}")
        for operation in step.irreversible if step.backwards else []:
            out.write("  ! " + gettext("cannot be undone: %(operation)s") % {"operation": printable(operation)})


def show_sql(out: OutputWrapper, steps: Sequence[Step], *, as_json: bool = False) -> None:
    """Print the SQL of a plan in order.

    If the SQL is run by hand, `db upgrade` has to be run afterwards to create content types and permissions.

    Raises:
        Irreversible: one of the steps cannot be undone.
    """
    if any(step.backwards for step in steps):
        planning.refuse_irreversible(steps)
    listed = list(planning.sql(planning.executor(), steps))
    if as_json:
        print_json(out, {"sql": [{"migration": step.name, "statements": statements} for step, statements in listed]})
        return
    for step, statements in listed:
        out.write(f"-- {_heading(step, None)}")
        out.write("\n".join([*statements, ""]))
    if listed:
        out.write("-- " + gettext("Permissions and content types will follow with the next manage.py db upgrade"))


def say_to(out: OutputWrapper, *, as_json: bool) -> Callable[[str], None]:
    """Return a function that prints progress messages, or discards them if the output is JSON."""

    def say(line: str) -> None:
        if not as_json:
            out.write(printable(line))
            out.flush()

    return say


def _heading(step: Step, branch: str | None) -> str:
    text = gettext("Undo %(name)s") if step.backwards else gettext("Apply %(name)s")
    marks = []
    if branch is not None and step.key[0] != branch:
        marks.append(gettext("another branch"))
    if not step.is_atomic:
        marks.append(gettext("not atomic: if it fails, part of it is kept"))
    return text % {"name": step.name} + (f"  ({', '.join(marks)})" if marks else "")


def _data(step: Step) -> dict[str, object]:
    return {
        "migration": step.name,
        "action": "undo" if step.backwards else "apply",
        "operations": step.operations,
        "irreversible": step.irreversible,
        "atomic": step.is_atomic,
    }
