"""The facts about an applicant that a decision is based on."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.accounts.tokens import OneTimeToken, Purpose
from keystone.accounts.transition_rules import APPROVAL_UNDONE, APPROVE, REJECT, REJECTION_UNDONE, REOPEN
from keystone.admin.cells import ago, in_full
from keystone.audit.models import AuditEvent
from keystone.audit.words import action_in_words
from keystone.sessions.admin import device_in_short

DECISIONS = (APPROVE.action, REJECT.action, REOPEN.action, APPROVAL_UNDONE, REJECTION_UNDONE)
SHOWN = 10  # earlier decisions; the history has all of them
COUNTED = 100  # others who registered from the same IP address or domain
NAMES = {
    Status.PENDING_EMAIL_VERIFICATION: gettext_lazy("email not verified"),
    Status.PENDING_ADMIN_APPROVAL: gettext_lazy("awaiting a decision"),
    Status.ACTIVE: gettext_lazy("active"),
    Status.REJECTED: gettext_lazy("rejected"),
    Status.SUSPENDED: gettext_lazy("suspended"),
    Status.DEACTIVATED: gettext_lazy("deactivated"),
}


@dataclass(frozen=True)
class Fact:
    """A line on the page: its label, value, secondary text and link."""

    label: str
    value: Any
    beside: Any = ""
    title: str = ""
    link: str = ""
    warns: bool = False


def about(request: HttpRequest, user: User) -> dict[str, Any]:
    """Return the facts and the earlier decisions, for the template. It takes six queries, whatever there is to show."""
    events = AuditEvent.objects.filter(target_type="user", target_id=str(user.pk))
    decisions = list(events.filter(action__in=DECISIONS)[: SHOWN + 1])
    return {
        "facts": list(_facts(request, user, events.filter(action="user.registered").first())),
        "earlier": [{"event": event, "what": action_in_words(event.action)} for event in decisions[:SHOWN]],
        "has_more": len(decisions) > SHOWN,
        "history": reverse("admin:keystone_user_history", args=[user.pk]),
    }


def _facts(request: HttpRequest, user: User, registered: AuditEvent | None) -> Iterator[Fact]:
    if user.email_verified_at:
        yield Fact(_("Email address"), _("Verified"), in_full(user.email_verified_at))
    else:
        links = OneTimeToken.objects.filter(user=user, purpose=Purpose.VERIFY_EMAIL).order_by("-created_at")
        mailed = links.values_list("created_at", flat=True).first()
        beside = _("last link sent on %(when)s") % {"when": in_full(mailed)} if mailed else ""
        yield Fact(_("Email address"), _("Not verified"), beside, warns=True)
    if user.status == Status.PENDING_ADMIN_APPROVAL:
        yield Fact(_("Waiting since"), in_full(user.awaiting_since), ago(user.awaiting_since))
    yield Fact(_("Registered"), in_full(user.created_at))
    if registered is not None:
        device = str((registered.changes.get("device") or ["", ""])[-1] or "")
        yield Fact(_("IP address"), registered.ip_address or _("not known"))
        yield Fact(_("Device"), device_in_short(device) or _("not known"), title=device)
        if registered.ip_address:
            yield _others(_("Same IP address"), _from(registered.ip_address), user)
    domain = user.email_normalized.rpartition("@")[2]
    found = User.objects.with_domain(domain)
    link = f"{reverse('admin:keystone_user_changelist')}?{urlencode({'q': domain})}"
    yield _others(_("Same domain"), found, user, link=link if request.user.has_perm("keystone.view_user") else "")
    yield Fact(_("Approval flow"), user.get_approval_flow_display())
    if user.access_ends_at:
        yield Fact(_("Access ends"), in_full(user.access_ends_at))
    if user.is_superuser or user.is_staff:
        yield Fact(_("Role"), _("Superuser") if user.is_superuser else _("Staff"), warns=True)


def _from(ip_address: str) -> QuerySet[User]:
    """Return the latest people who registered from this IP address."""
    found = AuditEvent.objects.filter(action="user.registered", ip_address=ip_address)
    people: QuerySet[User] = User.objects.filter(pk__in=list(found.values_list("target_id", flat=True)[: COUNTED + 2]))
    return people


def _others(label: str, people: QuerySet[User], user: User, *, link: str = "") -> Fact:
    """Return how many others there are, and their statuses."""
    statuses = list(people.exclude(pk=user.pk).order_by().values_list("status", flat=True)[: COUNTED + 1])
    if not statuses:
        return Fact(label, _("nobody else"))
    if len(statuses) > COUNTED:
        return Fact(label, _("more than %(count)d others") % {"count": COUNTED}, link=link)
    count = ngettext("%(count)d other", "%(count)d others", len(statuses)) % {"count": len(statuses)}
    counted = Counter(statuses)
    fared = ", ".join(f"{counted[status]} {NAMES[status]}" for status in Status if counted[status])
    return Fact(label, count, fared, link=link, warns=counted[Status.REJECTED] + counted[Status.SUSPENDED] > 0)
