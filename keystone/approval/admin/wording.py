"""The texts of decisions: titles, buttons, results."""

from datetime import datetime
from typing import Any

from django.template.defaultfilters import date as format_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from keystone.accounts.models import User
from keystone.accounts.transition_rules import APPROVE, Transition
from keystone.admin.cells import number

# For each transition: its button, icon and button variant.
LOOKS: dict[str, tuple[Any, str, str]] = {
    "approve": (gettext_lazy("Approve"), "check", "primary"),
    "reject": (gettext_lazy("Reject"), "close", "danger"),
    "reopen": (gettext_lazy("Withdraw the rejection"), "undo", "default"),
    "suspend": (gettext_lazy("Suspend"), "pause", "danger"),
    "reactivate": (gettext_lazy("Reactivate"), "play_arrow", "primary"),
    "deactivate": (gettext_lazy("Deactivate"), "block", "danger"),
}
EXPLANATIONS: dict[str, Any] = {
    "approve": gettext_lazy("They will be able to sign in."),
    "reject": gettext_lazy("They will not be able to sign in. A rejection can be withdrawn."),
    "reopen": gettext_lazy("They will await a decision again."),
    "suspend": gettext_lazy("They will be locked out at once, and all their sessions will be revoked."),
    "reactivate": gettext_lazy("They will be able to sign in again."),
    "deactivate": gettext_lazy(
        "They will not be able to sign in, and all their sessions will be revoked. The account is "
        "kept and can be reactivated."
    ),
}


NEXT: dict[str, Any] = {
    "approve": gettext_lazy("Approve and next"),
    "reject": gettext_lazy("Reject and next"),
}


def button(transition: Transition) -> str:
    """Return the label of a transition's button."""
    return str(LOOKS[transition.name][0])


def button_without_reason(transition: Transition) -> str:
    """Return the label of the button after it was pressed without a reason."""
    return _("%(transition)s without a reason") % {"transition": button(transition)}


def button_and_next(transition: Transition) -> str:
    """Return the label of the button that continues with the next person."""
    return str(NEXT[transition.name])


def title(transition: Transition, count: int, user: User | None = None) -> str:
    """Return the heading of the page that asks."""
    if user is not None:
        return _("%(transition)s %(name)s?") % {"transition": button(transition), "name": user.get_full_name()}
    people = ngettext("%(count)s person", "%(count)s people", count) % {"count": number(count)}
    return _("%(transition)s %(people)s?") % {"transition": button(transition), "people": people}


def done(transition: Transition, user: User, *, notified: bool) -> str:
    """Return what happened to one person."""
    values = {"name": user.get_full_name(), "email": user.email, "done": transition.done}
    if notified:
        return _("%(name)s (%(email)s) was %(done)s and is notified by email.") % values
    return _("%(name)s (%(email)s) was %(done)s. No mail will be sent.") % values


def undoable(transition: Transition, user: User, count: int, *, notified: bool, until: datetime) -> str:
    """Return what was decided last, and until when it can be undone."""
    values = {
        "name": user.get_full_name(),
        "email": user.email,
        "done": transition.done,
        "count": number(count),
        "time": format_date(until, "H:i:s"),
    }
    what = _("%(name)s (%(email)s) was %(done)s.") if count == 1 else _("%(count)s people were %(done)s.")
    if not notified:
        then = _("No mail will be sent. You can undo this until %(time)s UTC.")
    elif count == 1:
        then = _("The mail will be sent at %(time)s UTC. You can undo this until then.")
    else:
        then = _("The mails will be sent at %(time)s UTC. You can undo this until then.")
    return f"{what % values} {then % values}"


def undone(transition: Transition, user: User, count: int) -> str:
    """Return whose decision was undone."""
    if count == 1:
        text = (
            _("The approval of %(name)s has been undone.")
            if transition is APPROVE
            else _("The rejection of %(name)s has been undone.")
        )
        return f"{text % {'name': user.get_full_name()}} {_('No mail was sent.')}"
    text = ngettext("%(count)s decision has been undone.", "%(count)s decisions have been undone.", count)
    return f"{text % {'count': number(count)}} {_('No mail was sent.')}"


def not_undone(count: int) -> str:
    """Return how many decisions stand."""
    text = ngettext(
        "%(count)s decision stands: the account has changed since, or the mail has been sent.",
        "%(count)s decisions stand: the accounts have changed since, or the mails have been sent.",
        count,
    )
    return text % {"count": number(count)}


def not_done(user: User, reason: str) -> str:
    """Return why nothing happened to one person."""
    return _("%(name)s (%(email)s) was not changed: %(reason)s") % {
        "name": user.get_full_name(),
        "email": user.email,
        "reason": reason,
    }
