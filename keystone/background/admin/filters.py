"""Filters for the list of tasks. Each uses an index."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter, RadioFilter

from keystone.background.models import Task
from keystone.background.reading import queue_names, task_names
from keystone.background.results import LARGEST_ID
from keystone.background.states import TaskState


class StateFilter(RadioFilter):
    """Filters tasks by state."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(state.name.lower(), state.label) for state in TaskState]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        chosen = {state.name.lower(): state for state in TaskState}.get(str(self.value()))
        return queryset if chosen is None else queryset.filter(status=chosen)


class QueueFilter(DropdownFilter):
    """Filters tasks by queue."""

    title = _("queue")
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in queue_names()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        return queryset.filter(queue_name=self.value()) if self.value() else queryset


class NameFilter(DropdownFilter):
    """Filters tasks by the function they run."""

    title = _("task")
    parameter_name = "task"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in task_names()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Task]) -> QuerySet[Task]:
        return queryset.filter(task_name=self.value()) if self.value() else queryset


def search_tasks(queryset: QuerySet[Task], text: str) -> QuerySet[Task]:
    """Return the task with this number, or the tasks whose names contain the text. An empty text selects all."""
    text = text.strip().removeprefix("#").casefold()
    if not text:
        return queryset
    if text.isascii() and text.isdecimal():
        key = int(text) if len(text) < 20 else LARGEST_ID + 1
        return queryset.filter(pk=key) if key <= LARGEST_ID else queryset.none()
    return queryset.filter(task_name__in=[name for name in task_names() if text in name.casefold()])
