"""Further pages of a user: history, sessions, mails."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from keystone.accounts.authority import refusal_to_touch
from keystone.accounts.models import User
from keystone.accounts.reset_limits import reset_limits_of
from keystone.accounts.selection import keys, person_or_404
from keystone.accounts.transition_rules import APPROVE
from keystone.admin.guards import acting
from keystone.admin.model_admin import BoundedPaginator
from keystone.audit.models import AuditEvent
from keystone.audit.words import action_in_words, changes_in_words
from keystone.exceptions import Refusal
from keystone.mail.models import OutgoingMail
from keystone.sessions.admin import STATE_COLOURS, device_in_short, session_state
from keystone.sessions.models import Session
from keystone.sessions.sign_out import end_all_sessions, end_session
from keystone.throttling.reset import limits_of

if TYPE_CHECKING:
    from keystone.admin.model_admin import KeystoneModelAdmin as Base
else:
    Base = object

PER_PAGE = 25
END, RESET = "keystone.end_session", "keystone.reset_attemptwindow"
NEWEST_MAILS = 20


class PersonPagesMixin(Base):
    """Mixin that adds a person's history, sessions and mails beside the account's page."""

    def get_urls(self) -> list[URLPattern]:
        """Add the URLs of the pages. The history's replaces Django's."""
        wrap = self.admin_site.admin_view
        return [
            path("<path:object_id>/history/", wrap(self.history_view), name="keystone_user_history"),
            path("<path:object_id>/sessions/", wrap(self.sessions_view), name="keystone_user_sessions"),
            path("<path:object_id>/mails/", wrap(self.mails_view), name="keystone_user_mails"),
            *super().get_urls(),
        ]

    def tabs(self, request: HttpRequest, user: User, current: str) -> list[dict[str, Any]]:
        """Return the pages of a person that this viewer may open."""
        pages = [("history", _("History"))]
        if self.has_view_permission(request):
            pages.insert(0, ("change", _("Account")))
            further = (
                ("sessions", _("Sessions"), ("keystone.view_session",)),
                ("mails", _("Mails"), ("keystone.view_outgoingmail",)),
                ("personal_data", _("Data"), ("keystone.export_user", "keystone.erase_user")),
            )
            pages += [(name, title) for name, title, either in further if any(map(request.user.has_perm, either))]
        tabs = [
            {"title": title, "link": self.page_url(request, name, user.pk), "current": name == current}
            for name, title in pages
        ]
        if not self.has_view_permission(request):  # such viewers of the history come from the queue
            decision = reverse("admin:keystone_awaitingdecision_approve", args=[user.pk])
            tabs.append({"title": _("Decision"), "link": decision, "current": False})
        return tabs

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show what happened to the person, newest first.

        Approvers who may not view people can read it for pending people.
        """
        if request.user.has_perm(APPROVE.permission) and not self.has_view_permission(request):
            user = person_or_404(object_id)
            if not user.is_pending:
                raise PermissionDenied
        else:
            user = self._person(request, object_id)
        events = AuditEvent.objects.filter(target_type="user", target_id=str(user.pk))
        page = BoundedPaginator(events, PER_PAGE).get_page(request.GET.get("page"))
        rows = [
            {"event": event, "what": action_in_words(event.action), "changes": list(changes_in_words(event))}
            for event in page.object_list
        ]
        return self._person_page(request, user, "history", page, rows)

    def sessions_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the person's sessions, last used first, and active rate limits. POST ends sessions or resets limits."""
        user = self._person(request, object_id)
        if not request.user.has_perm("keystone.view_session"):
            raise PermissionDenied
        if request.method == "POST":
            self._end_or_reset(request, user)
            return HttpResponseRedirect(request.get_full_path())
        page = BoundedPaginator(Session.objects.filter(user=user), PER_PAGE).get_page(request.GET.get("page"))
        rows = []
        for session in page.object_list:
            key, state = session_state(session)
            rows.append(
                {
                    "session": session,
                    "device": device_in_short(session.user_agent),
                    "state": state,
                    "colour": STATE_COLOURS[key],
                    "open": key == "open",
                }
            )
        extra = {
            "may_end": self._may_end(request, user),
            "any_open": Session.objects.live().filter(user=user).exists(),
            "limits": limits_of(user).refusing() if request.user.has_perm("keystone.view_attemptwindow") else (),
            "may_reset": request.user.has_perm(RESET),
        }
        return self._person_page(request, user, "sessions", page, rows, extra)

    def mails_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the newest mails about the person and their states. The outbox has the others."""
        user = self._person(request, object_id)
        if not request.user.has_perm("keystone.view_outgoingmail"):
            raise PermissionDenied
        mails = list(OutgoingMail.objects.filter(user=user)[:NEWEST_MAILS])
        return self._person_page(request, user, "mails", None, mails)

    def _may_end(self, request: HttpRequest, user: User) -> bool:
        allowed = refusal_to_touch(user, by=acting(request), own=True) is None
        return allowed and request.user.has_perm(END)

    def _end_or_reset(self, request: HttpRequest, user: User) -> None:
        """Handle the pressed button: end one session (by its id), end all, or reset the limits."""
        if "reset" in request.POST:
            if not request.user.has_perm(RESET):
                raise PermissionDenied
            reset_limits_of(user, by=acting(request, RESET))
            messages.success(request, _("The rate limits have been reset: the person can try to sign in again."))
            return
        if not self._may_end(request, user):
            raise PermissionDenied
        by = acting(request, END)
        chosen = keys([request.POST.get("end", "")])
        try:
            if chosen:
                end_session(user, chosen[0], by=by)
                messages.success(request, _("The session has been revoked."))
            elif request.POST.get("end") == "all":
                end_all_sessions(user, by=by)
                messages.success(request, _("All sessions have been revoked, including those of the admin."))
        except Refusal as refusal:
            messages.warning(request, refusal.detail)

    def _person(self, request: HttpRequest, object_id: str) -> User:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return person_or_404(object_id)

    def _person_page(
        self,
        request: HttpRequest,
        user: User,
        name: str,
        page: Any,
        rows: Sequence[Any],
        extra: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = {
            **(extra or {}),
            "original": user,
            "title": user.get_full_name(),
            "tabs": self.tabs(request, user, name),
            "rows": rows,
        }
        if page is not None:
            numbers = page.paginator.get_elided_page_range(page.number)
            context |= {"page": page, "numbers": numbers, "ellipsis": Paginator.ELLIPSIS}
        return self.render_page(request, f"keystone/admin/person_{name}.html", context)
