"""The admin of jobs: the list, with the schedulers above it, and the page of a job."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import RadioFilter
from unfold.decorators import display

from keystone.admin.cells import NONE, labelled, on_day
from keystone.admin.model_admin import OwnPageAdmin
from keystone.scheduling.admin.cells import STATE_COLOURS, last_run, lasted
from keystone.scheduling.admin.deciding import DecidingMixin
from keystone.scheduling.models import RunState, ScheduledJob
from keystone.scheduling.processes import alive
from keystone.scheduling.reading import with_schedule
from keystone.scheduling.wording import trigger_in_words, zone_of

COLOURS = {"scheduled": "success", "paused": "warning", "orphaned": "danger"}
SHOWN_RUNS = 10


def job_state(job: ScheduledJob) -> tuple[str, Any]:
    """Return whether a job is scheduled, paused or orphaned, as a key and in words."""
    if job.orphaned_at is not None:
        return "orphaned", _("Not in the code")
    return ("paused", _("Paused")) if job.paused_at is not None else ("scheduled", _("Scheduled"))


class StateFilter(RadioFilter):
    """Filters jobs that are scheduled, paused or not in the code."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("scheduled", _("Scheduled")), ("paused", _("Paused")), ("orphaned", _("Not in the code"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> QuerySet[ScheduledJob]:
        match self.value():
            case "scheduled":
                return queryset.filter(orphaned_at=None, paused_at=None)
            case "paused":
                return queryset.filter(orphaned_at=None, paused_at__isnull=False)
            case "orphaned":
                return queryset.filter(orphaned_at__isnull=False)
        return queryset


@admin.register(ScheduledJob)
class ScheduledJobAdmin(DecidingMixin, OwnPageAdmin):
    """The admin of jobs, in alphabetical order."""

    page_template = "keystone/admin/schedule_job.html"
    list_display = ("name", "state", "when", "next_run", "last_result", "trouble")
    list_filter = (StateFilter,)
    sortable_by = ()
    search_fields = ("id", "description")
    search_help_text = _("Part of a name or of what it does")
    list_before_template = "keystone/admin/schedule_schedulers.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_schedule(super().get_queryset(request))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with the schedulers above it."""
        context = {**(extra_context or {})}
        if request.method == "GET" and self.has_view_permission(request):
            context["schedulers"] = list(alive())
        return super().changelist_view(request, context)

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return the context of a job's page: the job, its last runs, and buttons allowed to this user."""
        key, state = job_state(obj)
        runs = obj.runs.select_related("requested_by")[:SHOWN_RUNS] if self._sees_runs(request) else ()
        return {
            "job": obj,
            "title": obj.pk,
            "state": {"text": state, "type": COLOURS[key]},
            "when": trigger_in_words(obj.trigger),
            "zone": zone_of(obj.trigger),
            "runs": [
                {
                    "run": run,
                    "label": run.get_state_display(),
                    "colour": STATE_COLOURS[run.state],
                    "lasted": lasted(run),
                }
                for run in runs
            ],
            "sees_runs": self._sees_runs(request),
            "history": f"{reverse('admin:keystone_scheduledrun_changelist')}?{urlencode({'job': obj.pk})}",
            "buttons": self.offered(request, obj),
        }

    def _sees_runs(self, request: HttpRequest) -> bool:
        return request.user.has_perm("keystone.view_scheduledrun")

    @display(description=_("job"), ordering="id")
    def name(self, job: ScheduledJob) -> SafeString:
        return format_html('<span class="k-name">{}</span><span class="k-second">{}</span>', job.pk, job.description)

    @display(description=_("state"), label=COLOURS)
    def state(self, job: ScheduledJob) -> tuple[str, Any]:
        return job_state(job)

    @display(description=_("when"))
    def when(self, job: ScheduledJob) -> SafeString:
        """The trigger in words, with its original text as a tooltip, and the time zone if it has one."""
        zone = zone_of(job.trigger)
        text = format_html('<span title="{}">{}</span>', job.trigger, trigger_in_words(job.trigger))
        value = format_html('<span>{}<span class="k-second">{}</span></span>', text, zone) if zone else text
        return labelled(_("when"), value)

    @display(description=_("next run (UTC)"))
    def next_run(self, job: Any) -> SafeString:
        """When the job is due; empty if it does not run on schedule."""
        return labelled(_("next run (UTC)"), on_day(job.next_run_at)) if job.next_run_at else NONE

    @display(description=_("last run"), label={**STATE_COLOURS, "never": "default"})
    def last_result(self, job: Any) -> tuple[str, Any]:
        """The state of the last run, and how long it took."""
        if not job.last_runs:
            return "never", _("Never ran")
        run = last_run(job.last_runs[0])
        return run["state"], f"{run['label']} · {run['duration']}" if run["duration"] else run["label"]

    @display(description=_("failed or missed"))
    def trouble(self, job: Any) -> SafeString:
        """The number of last runs that failed or were missed."""
        bad = sum(run["state"] in {RunState.FAILED, RunState.MISSED} for run in job.last_runs)
        if not bad:
            return NONE
        number = len(job.last_runs)
        text = ngettext("%(bad)d of the last one", "%(bad)d of the last %(number)d", number)
        warning = format_html('<span class="k-warn">{}</span>', text % {"bad": bad, "number": number})
        return labelled(_("failed or missed"), warning)
