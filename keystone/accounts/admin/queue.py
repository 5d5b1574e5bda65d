"""*Awaiting decision*: the queue of those who wait for an administrator, the oldest first."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import date as format_date
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from keystone.accounts.admin import wording
from keystone.accounts.admin.cells import PersonCells
from keystone.accounts.admin.decisions import DecisionsMixin, selected
from keystone.accounts.admin.filters import QueueFilter, RejectedBeforeFilter
from keystone.accounts.models import User
from keystone.accounts.moves import APPROVE, REJECT
from keystone.accounts.queue import AwaitingDecision
from keystone.admin_cells import name_cell
from keystone.model_admin import DayRangeFilter, ReadOnlyAdmin


@admin.register(AwaitingDecision)
class AwaitingDecisionAdmin(PersonCells, DecisionsMixin, ReadOnlyAdmin):
    """The queue. Whoever has keystone.approve_user sees it and decides."""

    moves = (APPROVE.name, REJECT.name)
    list_display = ("address", "verified", "waiting", "rejections")  # get_list_display puts those with links around
    list_display_links = None
    list_filter = (QueueFilter, RejectedBeforeFilter, ("created_at", DayRangeFilter))
    list_per_page = 50
    sortable_by = ()
    actions = ("approve_selected", "reject_selected")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Those who can be decided on; the filter says which of them."""
        undecided: QuerySet[Any] = AwaitingDecision.objects.undecided()
        return undecided

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Who has waited longest comes first."""
        if request.GET.get(QueueFilter.parameter_name) in {QueueFilter.UNVERIFIED, QueueFilter.EVERYBODY}:
            return ("status_changed_at", "id")
        return ("awaiting_since", "id")

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """The columns; those with links know the viewer and the list's filters."""
        query = f"?{request.GET.urlencode()}" if request.GET else ""
        links = request.user.has_perm("keystone.view_user")

        @display(description=gettext_lazy("person"))
        def who(user: User) -> SafeString:
            return self._who(user, links=links)

        @display(description=gettext_lazy("decision"))
        def decide(user: User) -> SafeString:
            return self._buttons(user, query)

        return (who, *self.list_display, decide)

    def _who(self, user: User, *, links: bool) -> SafeString:
        name = name_cell(f"{user.first_name} {user.last_name}".strip() or _("(no name)"))
        since = _("registered %(when)s") % {"when": format_date(user.created_at, "j M Y")}
        if links:
            link = reverse("admin:keystone_user_change", args=[user.pk])
            return format_html('<a class="k-name" href="{}">{}</a><span class="k-second">{}</span>', link, name, since)
        return format_html('<span class="k-name">{}</span><span class="k-second">{}</span>', name, since)

    def _buttons(self, user: User, query: str) -> SafeString:
        name = user.get_full_name()
        return format_html(
            '<span class="k-buttons">{}</span>',
            format_html_join(
                "",
                '<a class="k-button k-{}" href="{}{}" aria-label="{}">{}</a>',
                (
                    (
                        move.name,
                        reverse(f"admin:{self.url_name(move.name)}", args=[user.pk]),
                        query,
                        f"{wording.button(move)}: {name}",
                        wording.button(move),
                    )
                    for move in (APPROVE, REJECT)
                ),
            ),
        )

    approve_selected = selected(APPROVE, gettext_lazy("Approve…"))
    reject_selected = selected(REJECT, gettext_lazy("Reject…"))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may decide."""
        return request.user.has_perm(APPROVE.permission)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whoever may decide."""
        return request.user.has_perm(APPROVE.permission)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """A person has one page, that of the people; who may not look at it gets the question that they may answer."""
        page = "user_change" if request.user.has_perm("keystone.view_user") else "awaitingdecision_approve"
        return HttpResponseRedirect(reverse(f"admin:keystone_{page}", args=[object_id]))
