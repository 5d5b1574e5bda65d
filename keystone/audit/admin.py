"""The admin of the audit log: filter, search and export, but never change."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from keystone.actors.actor import Actor, ActorKind
from keystone.admin.cells import request_link
from keystone.admin.export import CsvExportMixin
from keystone.admin.model_admin import DayRangeFilter, ReadOnlyAdmin
from keystone.audit.models import AuditEvent
from keystone.audit.reading import record_audit_export, recorded_actions, search_events, stream_audit_csv
from keystone.audit.words import action_in_words, changes_in_words
from keystone.text import EMPTY


class ActionFilter(DropdownFilter):
    """A filter by action."""

    title = _("event")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the actions that occur in the log."""
        return [(name, action_in_words(name)) for name in recorded_actions()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return queryset.filter(action=self.value()) if self.value() else queryset


class ActorKindFilter(DropdownFilter):
    """A filter by the kind of actor."""

    title = _("kind of actor")
    parameter_name = "actor_kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(ActorKind.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return queryset.filter(actor_kind=self.value()) if self.value() else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(CsvExportMixin, ReadOnlyAdmin):
    """The audit log, newest events first."""

    list_display = ("when", "what", "who", "whom", "short_reason", "ip_address")
    list_display_links = ("when",)
    list_filter = (ActionFilter, ActorKindFilter, ("created_at", DayRangeFilter))
    sortable_by = ()
    ordering = ("-created_at", "-id")
    search_fields = ("request_id",)  # turns the search box on; get_search_results() decides what is searched
    search_help_text = _("Name, email address or request id")
    export_permission = "keystone.export_auditevent"
    export_name = "audit-log.csv"
    fieldsets = (
        (None, {"fields": ("when", "what", "who", "whom")}),
        (_("Why"), {"fields": ("reason", "note")}),
        (_("Changes"), {"fields": ("changes_table",)}),
        (_("From where"), {"fields": ("ip_address", "request_link")}),
    )
    readonly_fields = ("when", "what", "who", "whom", "reason", "note", "changes_table", "ip_address", "request_link")

    def get_search_results(
        self,
        request: HttpRequest,
        queryset: QuerySet[AuditEvent],
        search_term: str,
    ) -> tuple[QuerySet[AuditEvent], bool]:
        """Search by actor, target or request, using indexes."""
        return search_events(queryset, search_term), False

    @display(description=_("when"))
    def when(self, event: AuditEvent) -> str:
        """Return the time to the second, in UTC."""
        return f"{date_format(event.created_at, 'j M Y, H:i:s')} UTC"

    @display(description=_("event"))
    def what(self, event: AuditEvent) -> SafeString:
        """Return the action in words, with its name as the title."""
        return format_html('<span title="{}">{}</span>', event.action, action_in_words(event.action))

    @display(description=_("who"))
    def who(self, event: AuditEvent) -> SafeString:
        """Return the actor and its kind."""
        return format_html('{}<br><span class="k-subtle">{}</span>', event.actor_label, event.get_actor_kind_display())

    @display(description=_("target"))
    def whom(self, event: AuditEvent) -> SafeString | str:
        """Return the target. A user is linked to their page."""
        if event.target_type == "user":
            link = reverse("admin:keystone_user_change", args=[event.target_id])
            return format_html('<a class="k-link" href="{}">{}</a>', link, event.target_label)
        return f"{event.target_label} ({event.target_type})"

    @display(description=_("reason"))
    def short_reason(self, event: AuditEvent) -> str:
        """Return the first 80 characters of the reason."""
        return event.reason[:80] + ("…" if len(event.reason) > 80 else "")

    @display(description=_("changes"))
    def changes_table(self, event: AuditEvent) -> SafeString | str:
        """Return a table of each changed field, before and after."""
        changes = list(changes_in_words(event))
        if not changes:
            return EMPTY
        return render_to_string("keystone/admin/changes_table.html", {"changes": changes})

    @display(description=_("request id"))
    def request_link(self, event: AuditEvent) -> SafeString | str:
        """Return the request id, linked to everything else the request did."""
        return request_link(event.request_id)

    def export_lines(self, queryset: QuerySet[AuditEvent]) -> Iterator[str]:
        """Return the events as lines of CSV."""
        return stream_audit_csv(queryset)

    def record_export(self, *, by: Actor, filters: str) -> None:
        """Record the export in the log itself."""
        record_audit_export(by=by, filters=filters)
