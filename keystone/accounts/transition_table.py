"""The table of transitions: from which statuses, to which, with which event, signal and email."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Self

from django.dispatch import Signal
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from keystone.accounts import signals
from keystone.accounts.models import User
from keystone.accounts.status import PENDING, Status
from keystone.audit.models import AuditEvent
from keystone.exceptions import Refusal

APPROVAL_UNDONE = "user.approval_undone"  # the audit log's words (see `undo`)
REJECTION_UNDONE = "user.rejection_undone"
REASON_LENGTH = 2_000  # characters of a reason or a note, as the API and the admin take them


class IllegalTransition(Refusal):
    """The account is in a status that this move does not start from."""

    code = "illegal_transition"


class AlreadyDecided(IllegalTransition):
    """Somebody else has decided on this person.

    Attributes:
        decision: the key of the audit event that tells of it.
    """

    code = "already_decided"
    decision: int | None = None

    @classmethod
    def of(cls, decision: AuditEvent) -> Self:
        """The refusal that names who was first."""
        refusal = cls(
            gettext("Already %(done)s by %(who)s on %(when)s UTC.")
            % {
                "done": (APPROVE if decision.action == APPROVE.action else REJECT).done,
                "who": decision.actor_label,
                "when": date_format(timezone.localtime(decision.created_at), "DATETIME_FORMAT"),
            }
        )
        refusal.decision = decision.pk
        return refusal


class UnverifiedAddress(Refusal):
    """Approving somebody whose address is not verified must be meant."""

    code = "address_unverified"
    message: ClassVar[str | Promise] = _(
        "The email address is not verified. Say that you want to approve the person all the same."
    )


class ReasonMissing(Refusal):
    """A suspension is told to the person with its reason."""

    code = "reason_missing"
    status: ClassVar[int] = 400
    message: ClassVar[str | Promise] = _("Give a reason.")


class EndsInThePast(Refusal):
    """What has an end must end in the future."""

    code = "ends_in_the_past"
    status: ClassVar[int] = 400
    message: ClassVar[str | Promise] = _("The end must be in the future.")


class SuspensionEndsInThePast(EndsInThePast):
    """The end of a suspension lies in the future."""


class UserNotFound(Refusal):
    """The account has gone in the meantime."""

    code = "not_found"
    status: ClassVar[int] = 404
    message: ClassVar[str | Promise] = _("There is no such person.")


@dataclass(frozen=True)
class Transition:
    """One kind of move.

    Attributes:
        name: the word of the API and the admin.
        permission: the model permission that allows it.
        action: the audit log's word.
        done: for messages: "approved".
        sources: the statuses that it starts from.
        target: where it ends; None where the person's flow says it.
        signal: what is announced after commit.
        email: the mail that tells the person.
        decides: whether it is a decision on a pending person.
    """

    name: str
    permission: str
    action: str
    done: str | Promise
    sources: frozenset[str]
    target: Status | None
    signal: Signal
    email: str
    decides: bool = False

    @property
    def ends_access(self) -> bool:
        """Whether sessions and links end with it."""
        return self.target in {Status.REJECTED, Status.SUSPENDED, Status.DEACTIVATED}

    @property
    def takes_active(self) -> bool:
        """Whether it makes active accounts other than active, and so could take the last superuser away."""
        return Status.ACTIVE in self.sources

    def target_of(self, user: User) -> Status:
        """Where this person comes to stand."""
        if self.target is not None:
            return self.target
        unverified = user.email_verified_at is None
        held_back = user.flow.verifies_email and unverified
        return Status.PENDING_EMAIL_VERIFICATION if held_back else Status.PENDING_ADMIN_APPROVAL


APPROVE = Transition(
    "approve",
    "keystone.approve_user",
    "user.approved",
    pgettext_lazy("a person was", "approved"),
    frozenset(PENDING),
    Status.ACTIVE,
    signals.user_approved,
    "approved",
    decides=True,
)
REJECT = Transition(
    "reject",
    "keystone.approve_user",
    "user.rejected",
    pgettext_lazy("a person was", "rejected"),
    frozenset(PENDING),
    Status.REJECTED,
    signals.user_rejected,
    "rejected",
    decides=True,
)
REOPEN = Transition(
    "reopen",
    "keystone.approve_user",
    "user.reopened",
    pgettext_lazy("a person was", "reopened"),
    frozenset({Status.REJECTED}),
    None,
    signals.user_reopened,
    "reopened",
)
SUSPEND = Transition(
    "suspend",
    "keystone.suspend_user",
    "user.suspended",
    pgettext_lazy("a person was", "suspended"),
    frozenset({Status.ACTIVE}),
    Status.SUSPENDED,
    signals.user_suspended,
    "suspended",
)
REACTIVATE = Transition(
    "reactivate",
    "keystone.suspend_user",
    "user.reactivated",
    pgettext_lazy("a person was", "reactivated"),
    frozenset({Status.SUSPENDED, Status.DEACTIVATED}),
    Status.ACTIVE,
    signals.user_reactivated,
    "reactivated",
)
DEACTIVATE = Transition(
    "deactivate",
    "keystone.suspend_user",
    "user.deactivated",
    pgettext_lazy("a person was", "deactivated"),
    frozenset({Status.ACTIVE, Status.SUSPENDED}),
    Status.DEACTIVATED,
    signals.user_deactivated,
    "deactivated",
)
TRANSITIONS = {move.name: move for move in (APPROVE, REJECT, REOPEN, SUSPEND, REACTIVATE, DEACTIVATE)}


def check_transition(
    user: User, move: Transition, *, even_unverified: bool, decision: AuditEvent | None
) -> Refusal | None:
    """Why the locked row `user` cannot make this move, or None where it can.

    Args:
        decision: the last decision on this person, to name who was first.
    """
    if user.status not in move.sources:
        if move.decides and decision is not None:
            return AlreadyDecided.of(decision)
        return IllegalTransition(
            gettext("This is not possible in the status “%(status)s”.") % {"status": user.get_status_display()}
        )
    if move is APPROVE and user.email_verified_at is None and not even_unverified:
        return UnverifiedAddress()
    return None


def last_decisions(people: Iterable[User], move: Transition) -> dict[str, AuditEvent]:
    """The last decision, if it was not undone, on each of those whom a deciding `move` comes too late for, by key."""
    late = [str(user.pk) for user in people if move.decides and user.status not in move.sources]
    if not late:
        return {}
    undone = (APPROVAL_UNDONE, REJECTION_UNDONE)
    actions = [APPROVE.action, REJECT.action, *undone]
    events = (
        AuditEvent.objects.filter(target_type="user", target_id__in=late, action__in=actions)
        .order_by("target_id", "-created_at", "-id")
        .distinct("target_id")
    )
    return {event.target_id: event for event in events if event.action not in undone}
