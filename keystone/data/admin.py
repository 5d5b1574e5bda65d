"""The admin of runs: the list, with a pipeline's steps below it, and the page of a run."""

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
    """By what was run."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """All kinds."""
        return list(Kind.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[DataRun]) -> QuerySet[DataRun]:
        """The runs of the chosen kind."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


class StateFilter(RadioFilter):
    """By where a run stands."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """All states."""
        return list(State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[DataRun]) -> QuerySet[DataRun]:
        """The runs in the chosen state."""
        return queryset.filter(state=self.value()) if self.value() else queryset


class NameFilter(DropdownFilter):
    """By the name of what was run."""

    title = gettext_lazy("name")
    parameter_name = "name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All names that the table holds, also of what the code has no more."""
        names = DataRun.objects.order_by("name").values_list("name", flat=True).distinct()
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DataRun]) -> QuerySet[DataRun]:
        """The runs of the chosen name."""
        return queryset.filter(name=self.value()) if self.value() else queryset


FINDS_STEPS = (KindFilter, StateFilter, NameFilter)


@admin.register(DataRun)
class DataRunAdmin(OwnPageAdmin):
    """The runs, the newest first."""

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
        """The list, in which a pipeline stands for its steps until somebody looks for them."""
        return _without_steps(super().get_changelist(request, **kwargs))

    def page(self, request: HttpRequest, obj: DataRun) -> dict[str, Any]:
        """All that is known of a run, and the steps of a pipeline in their order."""
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
        """What was run, and below that what it is, and of which pipeline a step."""
        below = run.get_kind_display()
        if run.pipeline is not None:
            step = _("step %(step)s of %(pipeline)s") % {"step": run.step, "pipeline": run.pipeline.name}
            below = f"{below} · {step}"
        return format_html('<span class="k-name">{}</span><span class="k-second">{}</span>', run.name, below)

    @display(description=gettext_lazy("state"), label=STATE_COLOURS)
    def state_label(self, run: DataRun) -> tuple[str, Any]:
        """Where it stands, and whether nothing of it stays."""
        label = run.get_state_display()
        return run.state, f"{label} · {_('trial')}" if run.is_trial else label

    @display(description=gettext_lazy("by"))
    def by_cell(self, run: DataRun) -> SafeString:
        """Who ran it."""
        return labelled(_("by"), format_html('<span class="k-by">{}</span>', run.by))

    @display(description=gettext_lazy("started (UTC)"))
    def started(self, run: DataRun) -> SafeString:
        """When it began."""
        return labelled(_("started (UTC)"), on_day(run.started_at))

    @display(description=gettext_lazy("duration"))
    def duration(self, run: DataRun) -> SafeString:
        """How long it took, or has taken until now."""
        text = lasted(run)
        return labelled(_("duration"), format_html('<span class="k-nowrap">{}</span>', text)) if text else NONE

    @display(description=gettext_lazy("rows read"))
    def read(self, run: DataRun) -> SafeString:
        """How many rows it read."""
        return _rows(_("rows read"), run.rows_read)

    @display(description=gettext_lazy("written"))
    def written(self, run: DataRun) -> SafeString:
        """How many it made or changed."""
        return _rows(_("written"), run.rows_written)

    @display(description=gettext_lazy("unchanged"))
    def unchanged(self, run: DataRun) -> SafeString:
        """How many were there already, just so."""
        return _rows(_("unchanged"), run.rows_unchanged)

    @display(description=gettext_lazy("refused"))
    def refused(self, run: DataRun) -> SafeString:
        """How many cannot be imported: what somebody has to see to."""
        if not run.rows_refused:
            return NONE
        return labelled(_("refused"), format_html('<span class="k-warn">{}</span>', number(run.rows_refused)))


def lasted(run: DataRun) -> str:
    """How long a run took, or has taken until now."""
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
