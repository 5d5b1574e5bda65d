"""The admin of runs: the list, and the page of a run."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter, RadioFilter
from unfold.decorators import display

from keystone.admin.cells import NONE, labelled, number, on_day
from keystone.admin.model_admin import DayRangeFilter, OwnPageAdmin
from keystone.scheduling.admin.cells import STATE_COLOURS, lasted, waited
from keystone.scheduling.models import RunState, ScheduledJob, ScheduledRun


class StateFilter(RadioFilter):
    """Filters runs by state."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(RunState.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[ScheduledRun]) -> QuerySet[ScheduledRun]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class JobFilter(DropdownFilter):
    """Filters runs by job."""

    title = gettext_lazy("job")
    parameter_name = "job"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in ScheduledJob.objects.values_list("pk", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ScheduledRun]) -> QuerySet[ScheduledRun]:
        return queryset.filter(job=self.value()) if self.value() else queryset


@admin.register(ScheduledRun)
class ScheduledRunAdmin(OwnPageAdmin):
    """The admin of runs, newest slot first."""

    page_template = "keystone/admin/schedule_run.html"
    list_display = ("due", "job_cell", "state_label", "duration", "asked_by", "attempts_cell")
    list_filter = (StateFilter, JobFilter, ("slot", DayRangeFilter))
    list_select_related = ("requested_by",)
    sortable_by = ()

    def page(self, request: HttpRequest, obj: ScheduledRun) -> dict[str, Any]:
        """Return the context of a run's page."""
        return {
            "run": obj,
            "title": str(obj),
            "state": {"text": obj.get_state_display(), "type": STATE_COLOURS[obj.state]},
            "lasted": lasted(obj),
            "waited": waited(obj),
            "result": None if obj.result is None else json.dumps(obj.result, indent=2, ensure_ascii=False),
            "task_link": self._task_link(request, obj),
        }

    def _task_link(self, request: HttpRequest, run: ScheduledRun) -> str:
        if not run.task_id.isdigit() or not request.user.has_perm("keystone.view_task"):
            return ""
        return reverse("admin:keystone_task_change", args=[run.task_id])

    @display(description=gettext_lazy("due (UTC)"))
    def due(self, run: ScheduledRun) -> SafeString:
        """The slot of the run, or when it was requested by hand."""
        return on_day(run.slot)

    @display(description=gettext_lazy("job"))
    def job_cell(self, run: ScheduledRun) -> SafeString:
        return format_html('<span class="k-device">{}</span>', run.job_id)

    @display(description=gettext_lazy("state"), label=STATE_COLOURS)
    def state_label(self, run: ScheduledRun) -> tuple[str, Any]:
        return run.state, run.get_state_display()

    @display(description=gettext_lazy("duration"))
    def duration(self, run: ScheduledRun) -> SafeString:
        """How long the run took or has been running."""
        text = lasted(run)
        return labelled(_("duration"), text) if text else NONE

    @display(description=gettext_lazy("started by"))
    def asked_by(self, run: ScheduledRun) -> SafeString:
        """The user who requested the run, if it did not run on schedule."""
        if not run.is_manual:
            return NONE
        return labelled(_("started by"), run.requested_by or _("a deleted account"))

    @display(description=gettext_lazy("attempts"))
    def attempts_cell(self, run: ScheduledRun) -> SafeString:
        """How often the run was started, if more than once."""
        return labelled(_("attempts"), number(run.attempts)) if run.attempts > 1 else NONE
