"""Find a task by the name in its row."""

from importlib import import_module
from typing import Any

from django.tasks import Task


class TaskNotFound(Exception):  # noqa: N818 - as Django names such
    """No module has a task of this name: it was renamed, or this worker's code is older or newer than the queue's."""


class ForeignTask(Exception):  # noqa: N818 - what a row is
    """The row was not written by our backend but, for example, by Procrastinate's own shell."""


def find_task(path: str) -> "Task[Any, Any]":
    """Import and return the task declared at `path`, the dotted path of its function.

    Raises:
        TaskNotFound: there is no such task.
    """
    module, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise TaskNotFound(f"There is no task {path}: {error}") from error
    if not isinstance(found, Task):
        raise TaskNotFound(f"{path} is not a task: declare it with @task().")
    return found
