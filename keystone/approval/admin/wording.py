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
    "reopen": (gettext_lazy("Take the rejection back"), "undo", "default"),
    "suspend": (gettext_lazy("Suspend"), "pause", "danger"),
    "reactivate": (gettext_lazy("Reactivate"), "play_arrow", "primary"),
    "deactivate": (gettext_lazy("Deactivate"), "block", "danger"),
}
EXPLANATIONS: dict[str, Any] = {
    "approve": gettext_lazy("They can sign in from now on."),
    "reject": gettext_lazy("They cannot sign in. A rejection can be taken back."),
    "reopen": gettext_lazy("They await a decision again."),
    "suspend": gettext_lazy("They are locked out at once, and all their sessions end."),
    "reactivate": gettext_lazy("They can sign in again."),
    "deactivate": gettext_lazy(
        "They cannot sign in, and all their sessions end. The account is kept, and can be reactivated."
    ),
}


NEXT: dict[str, Any] = {
    "approve": gettext_lazy("Approve and next"),
    "reject": gettext_lazy("Reject and next"),
}


def button(move: Transition) -> str:
    """Return the label of a transition's button."""
    return str(LOOKS[move.name][0])


def button_without_reason(move: Transition) -> str:
    """Return the label of the button after it was pressed without a reason."""
    return _("%(move)s without a reason") % {"move": button(move)}


def button_and_next(move: Transition) -> str:
    """Return the label of the button that continues with the next person."""
    return str(NEXT[move.name])


def title(move: Transition, count: int, user: User | None = None) -> str:
    """Return the heading of the page that asks."""
    if user is not None:
        return _("%(move)s %(name)s?") % {"move": button(move), "name": user.get_full_name()}
    people = ngettext("%(count)s person", "%(count)s people", count) % {"count": number(count)}
    return _("%(move)s %(people)s?") % {"move": button(move), "people": people}


def done(move: Transition, user: User, *, told: bool) -> str:
    """Return what happened to one person."""
    values = {"name": user.get_full_name(), "email": user.email, "done": move.done}
    if told:
        return _("%(name)s (%(email)s) was %(done)s and is told by mail.") % values
    return _("%(name)s (%(email)s) was %(done)s. No mail is sent.") % values


def undoable(move: Transition, user: User, count: int, *, told: bool, until: datetime) -> str:
    """Return what was decided last, and until when it can be undone."""
    values = {
        "name": user.get_full_name(),
        "email": user.email,
        "done": move.done,
        "count": number(count),
        "time": format_date(until, "H:i:s"),
    }
    what = _("%(name)s (%(email)s) was %(done)s.") if count == 1 else _("%(count)s people were %(done)s.")
    if not told:
        then = _("No mail is sent. You can undo this until %(time)s UTC.")
    elif count == 1:
        then = _("The mail goes out at %(time)s UTC. You can undo this until then.")
    else:
        then = _("The mails go out at %(time)s UTC. You can undo this until then.")
    return f"{what % values} {then % values}"


def undone(move: Transition, user: User, count: int) -> str:
    """Return whose decision was undone."""
    if count == 1:
        text = (
            _("The approval of %(name)s is undone.") if move is APPROVE else _("The rejection of %(name)s is undone.")
        )
        return f"{text % {'name': user.get_full_name()}} {_('No mail was sent.')}"
    text = ngettext("%(count)s decision is undone.", "%(count)s decisions are undone.", count)
    return f"{text % {'count': number(count)}} {_('No mail was sent.')}"


def not_undone(count: int) -> str:
    """Return how many decisions stand."""
    text = ngettext(
        "%(count)s person stays as decided: the account was changed meanwhile, or the mail has gone out.",
        "%(count)s people stay as decided: the accounts were changed meanwhile, or the mails have gone out.",
        count,
    )
    return text % {"count": number(count)}


def not_done(user: User, reason: str) -> str:
    """Return why nothing happened to one person."""
    return _("%(name)s (%(email)s) stays as before: %(reason)s") % {
        "name": user.get_full_name(),
        "email": user.email,
        "reason": reason,
    }
