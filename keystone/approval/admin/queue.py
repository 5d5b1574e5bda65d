"""The approval queue, oldest first."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import date as format_date
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from keystone.accounts.models import User
from keystone.accounts.selection import DecisionPaginator
from keystone.accounts.transition_rules import APPROVE, REJECT, Transition
from keystone.admin.cells import name_cell
from keystone.admin.model_admin import DayRangeFilter, ReadOnlyAdmin
from keystone.approval.admin import wording
from keystone.approval.admin.decisions import DecisionsMixin, selected
from keystone.approval.admin.filters import QueueFilter, RejectedBeforeFilter
from keystone.approval.admin.person_cells import PersonCells
from keystone.approval.queue import AwaitingDecision


@admin.register(AwaitingDecision)
class AwaitingDecisionAdmin(PersonCells, DecisionsMixin, ReadOnlyAdmin):
    """The admin of the queue. Everybody with keystone.approve_user sees it and decides."""

    transitions = (APPROVE.name, REJECT.name)
    decides_between = True
    list_display = ("address", "verified", "waiting", "rejections")  # get_list_display adds those with links
    list_display_links = None
    list_filter = (QueueFilter, RejectedBeforeFilter, ("created_at", DayRangeFilter))
    list_per_page = 50
    sortable_by = ()
    actions = ("approve_selected", "reject_selected")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return everybody who can be decided on. The filter narrows it down."""
        undecided: QuerySet[Any] = AwaitingDecision.objects.undecided()
        return undecided

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Sort by waiting time, longest first."""
        if request.GET.get(QueueFilter.parameter_name) in {QueueFilter.UNVERIFIED, QueueFilter.EVERYBODY}:
            return ("status_changed_at", "id")
        return ("awaiting_since", "id")

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """Return the columns. Those with links depend on the viewer and the list's filters."""
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
                        transition.name,
                        reverse(f"admin:{self.url_name(transition.name)}", args=[user.pk]),
                        query,
                        f"{wording.button(transition)}: {name}",
                        wording.button(transition),
                    )
                    for transition in (APPROVE, REJECT)
                ),
            ),
        )

    approve_selected = selected(APPROVE, gettext_lazy("Approve…"))
    reject_selected = selected(REJECT, gettext_lazy("Reject…"))

    # -- from one person to the next ------------------------------------------------------------------------------

    def other_choices(self, request: HttpRequest, user: User, transition: Transition) -> dict[str, Any]:
        """Return the other decision, and the next person in the list."""
        following, others = self._following(request, user)
        query = f"?{request.GET.urlencode()}" if request.GET else ""
        asked = request.POST.get("asked", transition.name)
        other = REJECT if transition is APPROVE else APPROVE
        return {
            "asked": asked if asked in self.transitions else transition.name,
            "other": {
                "link": reverse(f"admin:{self.url_name(other.name)}", args=[user.pk]) + query,
                "title": wording.button_and_next(other) if following else wording.button(other),
                "icon": wording.LOOKS[other.name][1],
                "name": other.name,
            },
            "others": others,
            "next_title": wording.button_and_next(transition) if following else "",
            "skip": following and self._decision_url(request, following, asked),
        }

    def after_decision(self, request: HttpRequest, user: User, transition: Transition) -> str:
        """Return the URL of the next person in the list if requested, else that of the list."""
        if "next" not in request.POST:
            return self.list_url(request)
        following, _others = self._following(request, user)
        if following is None:
            messages.info(request, _("There is nobody else on this list."))
            return self.list_url(request)
        return self._decision_url(request, following, request.POST.get("asked", transition.name))

    def undone_url(self, request: HttpRequest, user: User, transition: Transition) -> str:
        """Return the URL of the page that decides on the person."""
        return self._decision_url(request, user, transition.name)

    def _decision_url(self, request: HttpRequest, user: User, name: str) -> str:
        url = reverse(f"admin:{self.url_name(name if name in self.transitions else APPROVE.name)}", args=[user.pk])
        return f"{url}?{request.GET.urlencode()}" if request.GET else url

    def _following(self, request: HttpRequest, user: User) -> tuple[User | None, int]:
        """Return the person after `user` in the list as filtered, or else its first, and how many others there are."""
        try:
            listed = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return None, 0
        people: QuerySet[User] = listed.get_queryset(request).exclude(pk=user.pk)
        since = self.get_ordering(request)[0]
        place = getattr(user, since)
        later = Q(**{f"{since}__gt": place}) | Q(**{since: place, "pk__gt": user.pk}) if place else Q()
        following = people.filter(later).first() or people.first()
        return following, DecisionPaginator(people, 1).count if following else 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(APPROVE.permission)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(APPROVE.permission)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the person's only history, in the admin of people."""
        return HttpResponseRedirect(reverse("admin:keystone_user_history", args=[object_id]))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Redirect to the person's page in the admin of people or, for viewers who may not see it, to the decision."""
        page = "user_change" if request.user.has_perm("keystone.view_user") else "awaitingdecision_approve"
        return HttpResponseRedirect(reverse(f"admin:keystone_{page}", args=[object_id]))
