"""The admin of sessions, both API and browser: view and revoke."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import RadioFilter
from unfold.decorators import action, display

from keystone.accounts.models import User
from keystone.admin.cells import NONE, labelled, on_day
from keystone.admin.guards import acting
from keystone.admin.model_admin import ReadOnlyAdmin
from keystone.exceptions import Refusal
from keystone.sessions.models import Session
from keystone.sessions.sign_out import end_session
from keystone.text import EMPTY
from keystone.text.devices import device_name

END = "keystone.end_session"

STATE_COLOURS = {"open": "success", "ended": "info", "revoked": "danger"}
DEVICE_LENGTH = 40  # characters shown of an unknown device


class StateFilter(RadioFilter):
    """Filters sessions that are open, ended or revoked."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("Open")), ("ended", _("Ended")), ("revoked", _("Revoked"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Session]) -> QuerySet[Session]:
        match self.value():
            case "open":
                live: QuerySet[Session] = queryset.live()  # type: ignore[attr-defined]  # the Session's own queryset
                return live
            case "ended":
                return queryset.filter(revoked_at__isnull=True, expires_at__lte=Now())
            case "revoked":
                return queryset.filter(revoked_at__isnull=False)
        return queryset


def session_state(session: Session) -> tuple[str, Any]:
    """Return whether a session is open, ended or revoked, as a key and in words."""
    if session.revoked_at is not None:
        return "revoked", _("Revoked")
    if session.expires_at <= timezone.now():
        return "ended", _("Ended")
    return "open", _("Open")


def device_in_short(user_agent: str) -> str:
    """Return the common name of a device, or else the start of its `User-Agent`; empty if there is none.

    Args:
        user_agent: the header `User-Agent` of the sign-in.
    """
    return device_name(user_agent) or Truncator(user_agent).chars(DEVICE_LENGTH)


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """The admin of sessions, last used first."""

    list_display = ("person", "state", "kind", "device_cell", "address", "signed_in", "last_used", "ends")
    list_display_links = None
    list_filter = (StateFilter,)
    list_select_related = ("user",)
    sortable_by = ()
    ordering = ("-last_used_at", "-id")
    search_fields = ("id",)  # enables the search box
    search_help_text = _("Name or email address")
    fields = ("person", "kind", "device", "ip_address", "created_at", "last_used_at", "expires_at", "revoked_at")

    actions = ("end_selected",)

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(END)

    @action(description=_("End"), permissions=["end"])
    def end_selected(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        """End the selected sessions. Those that the user may not end are left open and reported."""
        ended, by = 0, acting(request, END)
        refusals: dict[str, int] = {}
        for session in queryset.select_related("user"):
            try:
                end_session(session.user, session.pk, by=by)
                ended += 1
            except Refusal as refusal:
                refusals[refusal.detail] = refusals.get(refusal.detail, 0) + 1
        text = ngettext("%(count)d session was revoked.", "%(count)d sessions were revoked.", ended)
        messages.success(request, text % {"count": ended})
        for detail, count in refusals.items():
            messages.warning(request, f"{detail} ({count})")

    def get_search_results(
        self,
        request: HttpRequest,
        queryset: QuerySet[Session],
        search_term: str,
    ) -> tuple[QuerySet[Session], bool]:
        """Return the sessions of the users that match the search term."""
        if not search_term.strip():
            return queryset, False
        people = User.objects.search(search_term)
        return queryset.filter(user__in=people.values("pk")), False

    @display(description=_("person"))
    def person(self, session: Session) -> SafeString:
        link = reverse("admin:keystone_user_change", args=[session.user_id])
        return format_html('<a class="k-link" href="{}">{}</a>', link, session.user)

    @display(description=_("state"), label=STATE_COLOURS)
    def state(self, session: Session) -> tuple[str, Any]:
        return session_state(session)

    @display(description=_("signed in to"))
    def kind(self, session: Session) -> SafeString:
        """Whether the session is one of the admin, in a browser, or of the API."""
        return labelled(_("signed in to"), _("Administration") if session.browser_key else _("API"))

    @display(description=_("device"))
    def device_cell(self, session: Session) -> SafeString:
        """The short name of the device, with the full `User-Agent` as a tooltip."""
        if not session.user_agent:
            return NONE
        name = device_in_short(session.user_agent)
        return labelled(_("device"), format_html('<span title="{}">{}</span>', session.user_agent, name))

    @display(description=_("IP address"))
    def address(self, session: Session) -> SafeString:
        """The IP address of the sign-in."""
        return labelled(_("IP address"), session.ip_address) if session.ip_address else NONE

    @display(description=_("signed in (UTC)"))
    def signed_in(self, session: Session) -> SafeString:
        return labelled(_("signed in (UTC)"), on_day(session.created_at))

    @display(description=_("last used (UTC)"))
    def last_used(self, session: Session) -> SafeString:
        """When the session was last used."""
        return labelled(_("last used (UTC)"), on_day(session.last_used_at))

    @display(description=_("ends (UTC)"))
    def ends(self, session: Session) -> SafeString:
        """When the session expires."""
        return labelled(_("ends (UTC)"), on_day(session.expires_at))

    @display(description=_("device"))
    def device(self, session: Session) -> str:
        """The full `User-Agent`."""
        return session.user_agent or EMPTY
