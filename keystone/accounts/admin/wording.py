"""The sentences around a decision: titles, buttons and what came of it."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from keystone.accounts.models import User
from keystone.accounts.moves import Move
from keystone.admin_cells import number

# For each move: its button, an icon, whether it takes something away.
LOOKS: dict[str, tuple[Any, str, str]] = {
    "approve": (gettext_lazy("Approve"), "check", "primary"),
    "reject": (gettext_lazy("Reject"), "close", "danger"),
    "reopen": (gettext_lazy("Take the rejection back"), "undo", "default"),
    "suspend": (gettext_lazy("Suspend"), "pause", "danger"),
    "reactivate": (gettext_lazy("Reactivate"), "play_arrow", "primary"),
    "deactivate": (gettext_lazy("Deactivate"), "block", "danger"),
}
EXPLANATIONS: dict[str, Any] = {
    "approve": gettext_lazy("The account becomes active: the person can sign in."),
    "reject": gettext_lazy("The person cannot sign in. A rejection can be taken back."),
    "reopen": gettext_lazy("The person awaits a decision again."),
    "suspend": gettext_lazy("The person is locked out from the next request on, and all their sessions end."),
    "reactivate": gettext_lazy("The account becomes active again: the person can sign in."),
    "deactivate": gettext_lazy("The account is closed and kept. All its sessions end. It can be reactivated."),
}


def button(move: Move) -> str:
    """What the button of a move says."""
    return str(LOOKS[move.name][0])


def title(move: Move, count: int, user: User | None = None) -> str:
    """The heading of the page that asks."""
    if user is not None:
        return _("%(move)s %(name)s?") % {"move": button(move), "name": user.get_full_name()}
    people = ngettext("%(count)s person", "%(count)s people", count) % {"count": number(count)}
    return _("%(move)s %(people)s?") % {"move": button(move), "people": people}


def done(move: Move, user: User, *, told: bool) -> str:
    """What happened to one person."""
    values = {"name": user.get_full_name(), "email": user.email, "done": move.done}
    if told:
        return _("%(name)s (%(email)s) was %(done)s and is told by mail.") % values
    return _("%(name)s (%(email)s) was %(done)s. No mail is sent.") % values


def not_done(user: User, reason: str) -> str:
    """Why nothing happened to one person."""
    return _("%(name)s (%(email)s) stays as before: %(reason)s") % {
        "name": user.get_full_name(),
        "email": user.email,
        "reason": reason,
    }
