"""`user approve`, `reject`, `reopen`, `suspend`, `reactivate` and `deactivate`, for one or several users."""

from typing import Annotated, Any

from django.core.management.base import CommandError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand, command
from typer import Option

from keystone.accounts import lifecycle
from keystone.accounts.transition_rules import (
    APPROVE,
    DEACTIVATE,
    REACTIVATE,
    REASON_LENGTH,
    REJECT,
    REOPEN,
    SUSPEND,
    Transition,
)
from keystone.actors.actor import Actor
from keystone.console.asking import ask
from keystone.console.moments import parse_moment
from keystone.console.options import Addresses, Json
from keystone.console.refusing import refusals_told
from keystone.management.user.addresses import people_of
from keystone.management.user.outcomes import print_outcome

Reason = Annotated[str, Option(help=str(_("The reason shown to the person.")))]
NeededReason = Annotated[str | None, Option(help=str(_("The reason shown to the person. Asked for if left out.")))]
Note = Annotated[str, Option(help=str(_("Visible to administrators only; kept in the audit log.")))]
Silent = Annotated[bool, Option("--silent", help=str(_("Send no mail.")))]


class Transitions(TyperCommand):
    """Commands for the transitions of the account lifecycle.

    A refused transition is reported for that user; the others are still carried out.
    """

    @command(name="approve", help=str(_("Approve pending people.")))
    def approve(
        self,
        addresses: Addresses,
        *,
        reason: Reason = "",
        note: Note = "",
        even_unverified: Annotated[
            bool, Option("--even-unverified", help=str(_("Also those whose email address is not verified.")))
        ] = False,
        silent: Silent = False,
        as_json: Json = False,
    ) -> None:
        """Approve pending users."""
        said: dict[str, Any] = {"reason": reason, "note": note, "even_unverified": even_unverified}
        self._transition(APPROVE, addresses, said, silent=silent, as_json=as_json)

    @command(name="reject", help=str(_("Reject pending people.")))
    def reject(
        self,
        addresses: Addresses,
        *,
        reason: NeededReason = None,
        note: Note = "",
        silent: Silent = False,
        as_json: Json = False,
    ) -> None:
        """Reject pending users. If the given reason is empty, they are told no reason."""
        said = {"reason": _asked_where_missing(reason), "note": note}
        self._transition(REJECT, addresses, said, silent=silent, as_json=as_json)

    @command(name="reopen", help=str(_("Withdraw rejections: the people are pending again.")))
    def reopen(self, addresses: Addresses, *, note: Note = "", silent: Silent = False, as_json: Json = False) -> None:
        """Take rejections back, so that the users are pending again."""
        self._transition(REOPEN, addresses, {"note": note}, silent=silent, as_json=as_json)

    @command(name="suspend", help=str(_("Suspend active people, for a time or until they are reactivated.")))
    def suspend(
        self,
        addresses: Addresses,
        *,
        reason: NeededReason = None,
        until: Annotated[
            str | None,
            Option(help=str(_("When it ends: 2026-12-31, 2026-12-31T18:00 (UTC), or a duration: 7d, 12h, 30m."))),
        ] = None,
        note: Note = "",
        silent: Silent = False,
        as_json: Json = False,
    ) -> None:
        """Suspend active users."""
        with refusals_told():
            end = None if until is None else parse_moment(until, length="ahead")
        said = {"reason": _asked_where_missing(reason), "until": end, "note": note}
        self._transition(SUSPEND, addresses, said, silent=silent, as_json=as_json)

    @command(name="reactivate", help=str(_("Reactivate suspended or deactivated people.")))
    def reactivate(
        self,
        addresses: Addresses,
        *,
        reason: Reason = "",
        note: Note = "",
        silent: Silent = False,
        as_json: Json = False,
    ) -> None:
        """Reactivate suspended or deactivated users."""
        self._transition(REACTIVATE, addresses, {"reason": reason, "note": note}, silent=silent, as_json=as_json)

    @command(name="deactivate", help=str(_("Deactivate accounts. They are kept and can be reactivated.")))
    def deactivate(
        self,
        addresses: Addresses,
        *,
        reason: Reason = "",
        note: Note = "",
        silent: Silent = False,
        as_json: Json = False,
    ) -> None:
        """Deactivate users."""
        self._transition(DEACTIVATE, addresses, {"reason": reason, "note": note}, silent=silent, as_json=as_json)

    def _transition(
        self, transition: Transition, addresses: list[str], said: dict[str, Any], *, silent: bool, as_json: bool
    ) -> None:
        """Carry out a transition for all these users and print the result.

        Args:
            said: arguments of the transition.

        Raises:
            CommandError: a user was refused or does not exist, or the whole call was refused.
        """
        words: dict[str, str] = {name: _as_taken(said[name]) for name in ("reason", "note") if name in said}
        with refusals_told():
            people, unknown = people_of(addresses)
            ids = [user.pk for user in people]
            outcome = lifecycle.transition_users(transition, ids, by=Actor.cli(), notify=not silent, **said | words)
        print_outcome(self, transition, outcome, people=people, unknown=unknown, notified=not silent, as_json=as_json)


def _asked_where_missing(reason: str | None) -> str:
    if reason is not None:
        return reason
    with refusals_told():
        return ask(gettext("Reason (shown to the person)"), option="--reason")


def _as_taken(text: str) -> str:
    """Return a reason or a note without surrounding white space, as the API and the admin accept it."""
    text = text.strip()
    if len(text) > REASON_LENGTH:
        said = gettext("A reason or a note can have at most %(count)d characters.")
        raise CommandError(said % {"count": REASON_LENGTH})
    try:
        text.encode()
    except UnicodeEncodeError:
        raise CommandError(gettext("A reason or a note must be valid UTF-8.")) from None
    return text
