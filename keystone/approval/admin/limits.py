"""The admin of rate limits: who is throttled, and resetting it."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import RadioFilter
from unfold.decorators import action, display

from keystone.accounts.reset_limits import reset_limits
from keystone.admin.cells import NONE, labelled, number, on_day
from keystone.admin.guards import acting
from keystone.admin.model_admin import ReadOnlyAdmin
from keystone.email_address import beginning
from keystone.throttling.models import AttemptWindow, Limit

RESET = "keystone.reset_attemptwindow"

STATE_COLOURS = {"refusing": "danger", "counting": "info", "ended": "default"}


class StateFilter(RadioFilter):
    """Filter by state: refused now, counted now, or ended."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("refusing", _("Blocked")), ("running", _("Counting")), ("ended", _("Ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AttemptWindow]) -> QuerySet[AttemptWindow]:
        if self.value() not in {"refusing", "running", "ended"}:
            return queryset
        chosen: QuerySet[AttemptWindow] = getattr(queryset, str(self.value()))()
        return chosen


class LimitFilter(RadioFilter):
    """Filter by what is counted."""

    title = _("counted by")
    parameter_name = "limit"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Limit.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[AttemptWindow]) -> QuerySet[AttemptWindow]:
        return queryset.filter(limit=self.value()) if self.value() else queryset


@admin.register(AttemptWindow)
class AttemptWindowAdmin(ReadOnlyAdmin):
    """The admin of rate limits: their windows, the last to end first."""

    list_display = ("state", "counted_by", "whom", "source_cell", "attempts", "since", "until")
    list_display_links = None
    list_filter = (StateFilter, LimitFilter)
    sortable_by = ()
    ordering = ("-ends_at", "-id")
    search_fields = ("address",)  # enables the search box; get_search_results does the search
    search_help_text = _("Beginning of an email address or IP address")
    fields = ("limit", "whom", "source_cell", "count", "started_at", "ends_at", "refused_at")
    actions = ("reset_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AttemptWindow]:
        """Return the windows that count something; immediate success leaves nothing."""
        windows: QuerySet[AttemptWindow] = super().get_queryset(request)
        return windows.filter(count__gt=0)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AttemptWindow], search_term: str
    ) -> tuple[QuerySet[AttemptWindow], bool]:
        """Search for the beginning of an email address or IP address."""
        text = beginning(search_term)
        if not text:
            return queryset, False
        return queryset.filter(address__startswith=text) | queryset.filter(source__startswith=text), False

    def has_reset_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(RESET)

    @display(description=_("state"), label=STATE_COLOURS)
    def state(self, window: AttemptWindow) -> tuple[str, Any]:
        """Return whether further attempts are refused."""
        if window.has_ended:
            return "ended", _("Ended")
        return ("refusing", _("Blocked")) if window.refused_at else ("counting", _("Counting"))

    @display(description=_("counted by"))
    def counted_by(self, window: AttemptWindow) -> SafeString:
        return labelled(_("counted by"), window.get_limit_display())

    @display(description=_("email address"))
    def whom(self, window: AttemptWindow) -> SafeString:
        """Return the email address that was tried, if the limit counts by it."""
        return labelled(_("email address"), window.address) if window.address else NONE

    @display(description=_("IP address"))
    def source_cell(self, window: AttemptWindow) -> SafeString:
        """Return the IP address that the attempts came from, if the limit counts by it."""
        return labelled(_("IP address"), window.source) if window.source else NONE

    @display(description=_("attempts"))
    def attempts(self, window: AttemptWindow) -> SafeString:
        return labelled(_("attempts"), number(window.count))

    @display(description=_("since (UTC)"))
    def since(self, window: AttemptWindow) -> SafeString:
        return labelled(_("since (UTC)"), on_day(window.started_at))

    @display(description=_("until (UTC)"))
    def until(self, window: AttemptWindow) -> SafeString:
        return labelled(_("until (UTC)"), on_day(window.ends_at))

    @action(description=_("Reset"), permissions=["reset"])
    def reset_selected(self, request: HttpRequest, queryset: QuerySet[AttemptWindow]) -> None:
        """Reset the selected limits, so that those who were refused may try again at once."""
        reset = reset_limits(list(queryset.values_list("pk", flat=True)), by=acting(request, RESET))
        text = ngettext("%(count)d rate limit was reset.", "%(count)d rate limits were reset.", reset)
        messages.success(request, text % {"count": reset})
