"""The list of tasks, with the state of queues and workers."""

from functools import lru_cache
from typing import Any

import procrastinate.contrib.django.admin  # noqa: F401 - it registers what is unregistered below
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.models import ProcrastinateJob
from unfold.decorators import display

from keystone.admin.cells import NONE, ago, labelled, number, on_day
from keystone.admin.model_admin import OwnPageAdmin
from keystone.background.admin.filters import NameFilter, QueueFilter, StateFilter, search_tasks
from keystone.background.admin.handled import HandlingMixin
from keystone.background.admin.page import task_page
from keystone.background.admin.wording import STATE_COLOURS, lasted
from keystone.background.models import Task
from keystone.background.reading import add_times, overview
from keystone.background.states import TaskState

# Procrastinate's own admin shows arguments unmasked, and lets any task be retried, even a running one.
if admin.site.is_registered(ProcrastinateJob):
    admin.site.unregister(ProcrastinateJob)


@admin.register(Task)
class TaskAdmin(HandlingMixin, OwnPageAdmin):
    """The admin of tasks, newest first."""

    page_template = "keystone/admin/task.html"
    list_display = (
        "number_cell",
        "name",
        "state",
        "queue",
        "attempts_cell",
        "enqueued",
        "last_event",
        "duration",
    )
    list_display_links = ("number_cell", "name")
    list_filter = (StateFilter, QueueFilter, NameFilter)
    list_before_template = "keystone/admin/tasks_overview.html"
    sortable_by = ()
    ordering = ("-id",)
    search_fields = ("id",)  # enables the search box; see get_search_results
    search_help_text = _("Number, or part of the task's name")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return a change list that adds the times of its tasks."""
        return _with_times(super().get_changelist(request, **kwargs))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with queues and workers above it."""
        context = {**(extra_context or {})}
        if request.method == "GET" and self.has_view_permission(request):
            context["overview"] = overview()
        return super().changelist_view(request, context)

    def page(self, request: HttpRequest, obj: Task) -> dict[str, Any]:
        """Return the context of the task's page, with buttons for the decisions allowed to this user."""
        return {**task_page(request, obj), "buttons": self.offered(request, obj)}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Task], search_term: str
    ) -> tuple[QuerySet[Task], bool]:
        return search_tasks(queryset, search_term), False

    @display(description=_("number"))
    def number_cell(self, task: Task) -> str:
        return f"#{task.pk}"

    @display(description=_("task"))
    def name(self, task: Task) -> SafeString:
        return format_html('<span class="k-task" title="{}">{}</span>', task.task_name, task.short_name)

    @display(description=_("state"), label=STATE_COLOURS)
    def state(self, task: Task) -> tuple[str, Any]:
        if task.status == TaskState.RUNNING and task.abort_requested:
            return task.status, _("Stopping")
        return task.status, TaskState(task.status).label

    @display(description=_("queue"))
    def queue(self, task: Task) -> SafeString:
        return labelled(_("queue"), task.queue_name)

    @display(description=_("attempts"))
    def attempts_cell(self, task: Task) -> SafeString:
        """The number of attempts, without the running one."""
        return labelled(_("attempts"), number(task.attempts)) if task.attempts else NONE

    @display(description=_("enqueued (UTC)"))
    def enqueued(self, task: Any) -> SafeString:
        """When the task was enqueued and, below that, when it is due if that is in the future."""
        if task.enqueued_at is None:
            return NONE
        due = ""
        if task.status == TaskState.WAITING and task.scheduled_at is not None and task.scheduled_at > timezone.now():
            text = format_html(gettext("due {}"), on_day(task.scheduled_at))
            due = format_html('<span class="k-second k-nowrap">{}</span>', text)
        return labelled(_("enqueued (UTC)"), format_html("<span>{}{}</span>", on_day(task.enqueued_at), due))

    @display(description=_("last event"))
    def last_event(self, task: Any) -> SafeString:
        if task.last_event_at is None:
            return NONE
        text = format_html(gettext("{} ago"), ago(task.last_event_at))
        return labelled(_("last event"), format_html('<span class="k-nowrap">{}</span>', text))

    @display(description=_("duration"))
    def duration(self, task: Any) -> SafeString:
        """How long the last attempt took or has been running."""
        text = lasted(task)
        return labelled(_("duration"), text) if text else NONE


@lru_cache
def _with_times(base: Any) -> type[Any]:
    class ChangeList(base):
        def get_results(self, request: HttpRequest) -> None:
            super().get_results(request)
            self.result_list: list[Any] = list(self.result_list)
            add_times(self.result_list)

    return ChangeList
