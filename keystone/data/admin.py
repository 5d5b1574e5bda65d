"""Admin of runs: the changelist and the page of a run, with the steps of a pipeline."""

from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

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
from keystone.background.admin.wording import between
from keystone.data.admin_options import options_in_words
from keystone.data.models import DataRun, Kind, State
from keystone.observability.logs.masking import masked

STATE_COLOURS = {
    State.RUNNING.value: "primary",
    State.SUCCEEDED.value: "success",
    State.FAILED.value: "danger",
    State.INTERRUPTED.value: "warning",
}


class KindFilter(RadioFilter):
    """Filter by kind."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Kind.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[DataRun]) -> QuerySet[DataRun]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class StateFilter(RadioFilter):
    """Filter by state."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[DataRun]) -> QuerySet[DataRun]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class NameFilter(DropdownFilter):
    """Filter by name."""

    title = gettext_lazy("name")
    parameter_name = "name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return all names in the table, including those that the code no longer has."""
        names = DataRun.objects.order_by("name").values_list("name", flat=True).distinct()
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DataRun]) -> QuerySet[DataRun]:
        return queryset.filter(name=self.value()) if self.value() else queryset


FINDS_STEPS = (KindFilter, StateFilter, NameFilter)


@admin.register(DataRun)
class DataRunAdmin(OwnPageAdmin):
    """Admin for runs, newest first."""

    page_template = "keystone/admin/data_run.html"
    list_display = (
        "name_cell",
        "state_label",
        "by_cell",
        "started",
        "duration",
        "read",
        "written",
        "unchanged",
        "refused",
    )
    list_filter = (*FINDS_STEPS, ("started_at", DayRangeFilter))
    list_select_related = ("pipeline",)
    sortable_by = ()
    search_fields = ("name",)
    search_help_text = gettext_lazy("Part of a name, also of steps")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the changelist, which hides the steps of pipelines unless a search or filter is used."""
        return _without_steps(super().get_changelist(request, **kwargs))

    def page(self, request: HttpRequest, obj: DataRun) -> dict[str, Any]:
        """Return the context for the page of a run. A pipeline includes its steps in order."""
        steps = obj.steps.order_by("pk") if obj.kind == Kind.PIPELINE else ()
        same = urlencode({"kind": obj.kind, "name": obj.name})
        return {
            "run": obj,
            "title": str(obj),
            "state": _state(obj),
            "lasted": lasted(obj),
            "error": masked(obj.error),
            "options": options_in_words(obj.options),
            "is_pipeline": obj.kind == Kind.PIPELINE,
            "steps": [{"run": step, "state": _state(step), "lasted": lasted(step)} for step in steps],
            "history": f"{reverse('admin:keystone_datarun_changelist')}?{same}",
        }

    @display(description=gettext_lazy("name"))
    def name_cell(self, run: DataRun) -> SafeString:
        """Return the name, with the kind below it, and for a step its pipeline."""
        below = run.get_kind_display()
        if run.pipeline is not None:
            step = _("step %(step)s of %(pipeline)s") % {"step": run.step, "pipeline": run.pipeline.name}
            below = f"{below} · {step}"
        return format_html('<span class="k-name">{}</span><span class="k-second">{}</span>', run.name, below)

    @display(description=gettext_lazy("state"), label=STATE_COLOURS)
    def state_label(self, run: DataRun) -> tuple[str, Any]:
        """Return the state, and whether the run is a trial."""
        label = run.get_state_display()
        return run.state, f"{label} · {_('dry run')}" if run.is_trial else label

    @display(description=gettext_lazy("by"))
    def by_cell(self, run: DataRun) -> SafeString:
        return labelled(_("by"), format_html('<span class="k-by">{}</span>', run.by))

    @display(description=gettext_lazy("started (UTC)"))
    def started(self, run: DataRun) -> SafeString:
        return labelled(_("started (UTC)"), on_day(run.started_at))

    @display(description=gettext_lazy("duration"))
    def duration(self, run: DataRun) -> SafeString:
        """Return how long the run took, or has taken so far."""
        text = lasted(run)
        return labelled(_("duration"), format_html('<span class="k-nowrap">{}</span>', text)) if text else NONE

    @display(description=gettext_lazy("rows read"))
    def read(self, run: DataRun) -> SafeString:
        return _rows(_("rows read"), run.rows_read)

    @display(description=gettext_lazy("written"))
    def written(self, run: DataRun) -> SafeString:
        """Return the number of rows that were created or changed."""
        return _rows(_("written"), run.rows_written)

    @display(description=gettext_lazy("unchanged"))
    def unchanged(self, run: DataRun) -> SafeString:
        """Return the number of rows that already existed with the same values."""
        return _rows(_("unchanged"), run.rows_unchanged)

    @display(description=gettext_lazy("refused"))
    def refused(self, run: DataRun) -> SafeString:
        """Return the number of rows that could not be imported, highlighted because somebody has to correct them."""
        if not run.rows_refused:
            return NONE
        return labelled(_("refused"), format_html('<span class="k-warn">{}</span>', number(run.rows_refused)))


def lasted(run: DataRun) -> str:
    """Return how long a run took, or has taken so far."""
    return between(run.started_at, run.finished_at, goes_on=run.state == State.RUNNING)


def _state(run: DataRun) -> dict[str, Any]:
    return {"text": run.get_state_display(), "type": STATE_COLOURS[run.state]}


def _rows(label: str, count: int) -> SafeString:
    return labelled(label, number(count)) if count else NONE


@lru_cache
def _without_steps(base: Any) -> type[Any]:
    class ChangeList(base):
        def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[DataRun]:
            found: QuerySet[DataRun] = super().get_queryset(request, *args, **kwargs)
            looks = self.query or any(request.GET.get(entry.parameter_name) for entry in FINDS_STEPS)
            return found if looks else found.filter(pipeline=None)

    return ChangeList
