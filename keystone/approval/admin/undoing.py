"""Undo the last decision, from the page that follows it."""

import uuid
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from keystone.accounts.models import User
from keystone.accounts.transition import Outcome
from keystone.accounts.transition_rules import APPROVE, TRANSITIONS, Transition
from keystone.admin.guards import acting
from keystone.approval.admin import wording
from keystone.approval.undo import UndoOutcome, undo_decision, undoable
from keystone.exceptions import Refusal

if TYPE_CHECKING:
    from keystone.admin.model_admin import KeystoneModelAdmin as Base
else:
    Base = object

SESSION_KEY = "last_decision"  # its id, and whether the people get a mail


class UndoMixin(Base):
    """Mixin that offers to undo the viewer's last decision until its mail goes out."""

    list_before_template = "keystone/admin/undo.html"

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_undo"
        return [
            path("undo/<uuid:decision>/", self.admin_site.admin_view(self.undo_view), name=name),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with the offer above it."""
        return super().changelist_view(request, {**(extra_context or {}), "undo": self.undo_offer(request)})

    def offer_undo(self, request: HttpRequest, outcome: Outcome, *, notified: bool) -> bool:
        """Store the decision in the viewer's session. Return whether it can be undone."""
        if outcome.decision is None:
            return False
        request.session[SESSION_KEY] = [str(outcome.decision), notified]
        return True

    def undo_offer(self, request: HttpRequest) -> dict[str, Any] | None:
        """Return what the viewer can undo now, in words, and the URL that does it. At most two queries."""
        if SESSION_KEY not in request.session:
            return None
        decision, notified = request.session[SESSION_KEY]
        rows = undoable(uuid.UUID(decision), by=request.user)  # type: ignore[arg-type]  # admin_view lets nobody else in
        first = list(rows[:2])
        if not first:
            return None
        count = 1 if len(first) == 1 else rows.count()
        row = first[0]
        action = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_undo", args=[decision])
        return {
            "text": wording.undoable(TRANSITIONS[row.transition], row.user, count, notified=notified, until=row.until),
            "seconds": max(int((row.until - timezone.now()).total_seconds()), 0),
            "action": f"{action}?{request.GET.urlencode()}" if request.GET else action,
        }

    def undo_view(self, request: HttpRequest, decision: uuid.UUID) -> HttpResponse:
        """Undo the decision. Return to the person, or to the list if there were many."""
        if not self.has_view_permission(request) or not request.user.has_perm(APPROVE.permission):
            raise PermissionDenied
        back = self.list_url(request)
        if request.method != "POST":
            return HttpResponseRedirect(back)
        request.session.pop(SESSION_KEY, None)
        try:
            outcome = undo_decision(decision, by=acting(request, APPROVE.permission))
        except Refusal as refusal:
            messages.warning(request, refusal.detail)
            return HttpResponseRedirect(back)
        _tell(request, outcome)
        if len(outcome.undone) == 1 and not outcome.refused:
            back = self.undone_url(request, outcome.undone[0], outcome.transition)
        return HttpResponseRedirect(back)

    def undone_url(self, request: HttpRequest, user: User, transition: Transition) -> str:
        """Return the URL where a decision on one person can be made again."""
        return self.page_url(request, "change", user.pk)


def _tell(request: HttpRequest, outcome: UndoOutcome) -> None:
    if outcome.undone:
        messages.success(request, wording.undone(outcome.transition, outcome.undone[0], len(outcome.undone)))
    if len(outcome.refused) == 1:
        user, refusal = outcome.refused[0]
        messages.warning(request, wording.not_done(user, refusal.detail))
    elif outcome.refused:
        messages.warning(request, wording.not_undone(len(outcome.refused)))
