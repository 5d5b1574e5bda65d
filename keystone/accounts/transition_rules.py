"""The table of transitions: their source and target statuses, audit actions, signals and emails."""

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

APPROVAL_UNDONE = "user.approval_undone"  # audit log actions (see `undo`)
REJECTION_UNDONE = "user.rejection_undone"
REASON_LENGTH = 2_000  # maximum characters of a reason or a note, in the API and the admin


class IllegalTransition(Refusal):
    """The transition is not allowed from the account's current status."""

    code = "illegal_transition"


class AlreadyDecided(IllegalTransition):
    """Somebody else has already decided on this person.

    Attributes:
        decision: the primary key of that decision's audit event.
    """

    code = "already_decided"
    decision: int | None = None

    @classmethod
    def of(cls, decision: AuditEvent) -> Self:
        """Return the refusal that says who decided first, and when."""
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
    """The email address is not verified, and approving the person anyway must be explicit."""

    code = "address_unverified"
    message: ClassVar[str | Promise] = _(
        "The email address is not verified. Confirm that you want to approve the person anyway."
    )


class ReasonMissing(Refusal):
    """A suspension needs a reason, which the person is told."""

    code = "reason_missing"
    status: ClassVar[int] = 400
    message: ClassVar[str | Promise] = _("Give a reason.")


class EndsInThePast(Refusal):
    """The given end is not in the future."""

    code = "ends_in_the_past"
    status: ClassVar[int] = 400
    message: ClassVar[str | Promise] = _("The end must be in the future.")


class SuspensionEndsInThePast(EndsInThePast):
    """The end of a suspension is not in the future."""


class UserNotFound(Refusal):
    """The account no longer exists."""

    code = "not_found"
    status: ClassVar[int] = 404
    message: ClassVar[str | Promise] = _("There is no such person.")


@dataclass(frozen=True)
class Transition:
    """A kind of status change.

    Attributes:
        name: its name in the API and the admin.
        permission: the model permission that allows it.
        action: the audit log action.
        done: the participle for messages: "approved".
        sources: the statuses from which it is allowed.
        target: the resulting status; None if it depends on the person's flow.
        signal: the signal sent after commit.
        email: the email that notifies the person.
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
        """Whether it ends sessions and links."""
        return self.target in {Status.REJECTED, Status.SUSPENDED, Status.DEACTIVATED}

    @property
    def takes_active(self) -> bool:
        """Whether it starts from active accounts, and so could remove the last superuser."""
        return Status.ACTIVE in self.sources

    def target_of(self, user: User) -> Status:
        """Return the status that this person gets."""
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
TRANSITIONS = {transition.name: transition for transition in (APPROVE, REJECT, REOPEN, SUSPEND, REACTIVATE, DEACTIVATE)}


def check_transition(
    user: User, transition: Transition, *, even_unverified: bool, decision: AuditEvent | None
) -> Refusal | None:
    """Return why the locked row `user` can't make this transition, or None if it can.

    Args:
        decision: the last decision on this person, to say who decided first.
    """
    if user.status not in transition.sources:
        if transition.decides and decision is not None:
            return AlreadyDecided.of(decision)
        return IllegalTransition(
            gettext("This is not possible in the status “%(status)s”.") % {"status": user.get_status_display()}
        )
    if transition is APPROVE and user.email_verified_at is None and not even_unverified:
        return UnverifiedAddress()
    return None


def last_decisions(people: Iterable[User], transition: Transition) -> dict[str, AuditEvent]:
    """Return the last decision on each person for whom a deciding `move` comes too late, by primary key as text.

    A decision that was undone is left out.
    """
    late = [str(user.pk) for user in people if transition.decides and user.status not in transition.sources]
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
