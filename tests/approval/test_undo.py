"""Undoing a decision: by whoever made it, before its mail goes out, and while nobody changed the account."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from keystone.accounts import signals
from keystone.accounts.editing import change_names
from keystone.accounts.lifecycle import approve_user, suspend_user, transition_users
from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status
from keystone.accounts.tokens import OneTimeToken, Purpose, mint, usable
from keystone.accounts.transition import Outcome, Undo
from keystone.accounts.transition_rules import APPROVE, REJECT, SUSPEND, IllegalTransition
from keystone.actors.actor import Actor
from keystone.approval import undo
from keystone.approval.undo import (
    AlreadyMailed,
    ChangedSinceDecision,
    DecisionUndo,
    NothingToUndo,
    UndoOutcome,
    remember,
    undo_decision,
)
from keystone.audit.models import AuditEvent
from keystone.mail.claims import claim_due
from keystone.mail.models import MailState, OutgoingMail
from keystone.privacy.erasing import erase_person
from keystone.sessions.models import Session
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, superuser
from tests.approval.admin_pages import unverified, waiting
from tests.at_once import at_once
from tests.every_row import rows
from tests.mail.sending import deliver

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
Do = Callable[..., Any]


@pytest.fixture
def anna_acts(anna: User) -> Actor:
    """Anna, as who decides."""
    return Actor.administrator(anna)


def decide(transition: Any, *people: User, by: Actor, window: timedelta = MINUTE, **told: Any) -> Outcome:
    """Approve or reject, as the admin does."""
    told.setdefault("even_unverified", True)
    return transition_users(transition, [user.pk for user in people], by=by, undo=Undo(window, remember), **told)


def columns(user: User) -> dict[str, Any]:
    """Everything that the row says, but when it last changed and the version of its access."""
    row: dict[str, Any] = User.objects.filter(pk=user.pk).values().get()
    return {name: value for name, value in row.items() if name not in {"updated_at", "access_version"}}


def undone(outcome: Outcome, *, by: Actor) -> UndoOutcome:
    """Undo it."""
    assert outcome.decision is not None
    return undo_decision(outcome.decision, by=by)


def test_undo_restores_the_row_and_cancels_the_mail(do: Do, anna_acts: Actor, anna: User) -> None:
    ago = timezone.now() - timedelta(days=9)
    for transition, action in ((APPROVE, "user.approval_undone"), (REJECT, "user.rejection_undone")):
        for user in (
            waiting(rejection_count=2, decided_at=ago),
            unverified(access_ends_at=ago),
            UserFactory(status=Status.PENDING_EMAIL_VERIFICATION),
        ):
            mail.outbox.clear()
            before = columns(user)
            outcome = do(decide, transition, user, by=anna_acts, reason="A reason", note="A note")
            assert columns(user)["status"] == transition.target
            [row] = OutgoingMail.objects.filter(user=user)
            kept = DecisionUndo.objects.get(user=user)
            assert (row.state, row.next_attempt_at) == (MailState.QUEUED, kept.until)
            assert kept.until - kept.decided_at == MINUTE
            assert deliver([row.pk]) == 0
            result = do(undone, outcome, by=anna_acts)
            assert ([person.pk for person in result.undone], result.refused) == ([user.pk], [])
            assert columns(user) == before
            row.refresh_from_db()
            assert row.state == MailState.OBSOLETE
            event = AuditEvent.objects.get(action=action, target_id=str(user.pk))
            assert event.changes == {"status": [transition.target, before["status"]]}
            assert (event.actor_id, event.actor_kind) == (anna.pk, "administrator")
            assert not DecisionUndo.objects.exists()
            OutgoingMail.objects.update(next_attempt_at=timezone.now())
            assert deliver([row.pk]) == 0
            assert mail.outbox == []


def test_a_decision_that_is_not_undone_is_mailed_when_its_time_has_come(do: Do, anna_acts: Actor) -> None:
    user = waiting(email="ann@example.com")
    outcome = do(decide, APPROVE, user, by=anna_acts)
    DecisionUndo.objects.update(until=timezone.now())
    OutgoingMail.objects.update(next_attempt_at=timezone.now())
    with pytest.raises(NothingToUndo):
        undone(outcome, by=anna_acts)
    assert deliver(list(OutgoingMail.objects.values_list("pk", flat=True))) == 1
    assert [message.to for message in mail.outbox] == [["ann@example.com"]]
    assert undo.delete_final() == 1


def test_whoever_is_decided_on_again_after_an_undo_gets_the_mail_of_the_second_decision(
    do: Do, anna_acts: Actor
) -> None:
    user = waiting()
    do(undone, do(decide, APPROVE, user, by=anna_acts), by=anna_acts)
    do(decide, REJECT, user, by=anna_acts, reason="No")
    assert dict(OutgoingMail.objects.values_list("template", "state")) == {
        "approved": MailState.OBSOLETE,
        "rejected": MailState.QUEUED,
    }


def test_links_that_worked_before_work_again_and_sessions_end(do: Do, anna_acts: Actor) -> None:
    for transition in (APPROVE, REJECT):
        user = UserFactory(status=Status.PENDING_EMAIL_VERIFICATION)
        token = mint(purpose=Purpose.VERIFY_EMAIL, user=user, email=user.email, lifetime=MINUTE)
        used = mint(purpose=Purpose.RESET_PASSWORD, user=user, email=user.email, lifetime=MINUTE)
        OneTimeToken.objects.filter(purpose=Purpose.RESET_PASSWORD, user=user).update(used_at=timezone.now())
        outcome = do(decide, transition, user, by=anna_acts, reason="x")
        if transition is APPROVE:
            do(sign_in, email=user.email, password=PASSWORD)
            assert Session.objects.live().filter(user=user).count() == 1
        version = User.objects.get(pk=user.pk).access_version
        do(undone, outcome, by=anna_acts)
        assert usable(token, purpose=Purpose.VERIFY_EMAIL).exists()
        assert not usable(used, purpose=Purpose.RESET_PASSWORD).exists()
        assert not Session.objects.live().filter(user=user).exists()
        assert User.objects.get(pk=user.pk).access_version == version + (transition is APPROVE)


def test_only_whoever_decided_undoes_and_only_once(do: Do, anna_acts: Actor) -> None:
    outcome = do(decide, APPROVE, waiting(), by=anna_acts)
    for other in (Actor.administrator(superuser()), Actor.cli(), Actor.system()):
        with pytest.raises(NothingToUndo):
            undone(outcome, by=other)
    with pytest.raises(NothingToUndo):
        undo_decision(uuid.uuid4(), by=anna_acts)
    do(undone, outcome, by=anna_acts)
    with pytest.raises(NothingToUndo):
        undone(outcome, by=anna_acts)
    assert AuditEvent.objects.filter(action="user.approval_undone").count() == 1


def test_an_account_that_was_changed_since_stays(do: Do, anna_acts: Actor, root: User) -> None:
    boss = Actor.administrator(root)
    changes: list[Callable[[User], Any]] = [
        lambda user: suspend_user(user, by=boss, reason="x"),
        lambda user: change_names(user, by=boss, first_name="Other"),
        lambda user: User.objects.filter(pk=user.pk).update(is_staff=True),
    ]
    for change in changes:
        user = waiting()
        outcome = do(decide, APPROVE, user, by=anna_acts)
        do(change, User.objects.get(pk=user.pk))
        before = columns(user)
        result = do(undone, outcome, by=anna_acts)
        assert result.undone == []
        [(refused, refusal)] = result.refused
        assert refused.pk == user.pk
        assert refusal.code in {"changed_since_decision", "protected_account"}
        assert columns(user) == before
    assert OutgoingMail.objects.filter(template="approved", state=MailState.OBSOLETE).count() == 0


def begun(mail_id: int) -> bool:
    """Whether a worker that looks for this mail gets it."""
    return any([claim.begin() for claim in claim_due(only=[mail_id])])  # noqa: C419 - the claims are begun all


def test_a_mail_that_a_worker_has_begun_makes_the_decision_final(do: Do, anna_acts: Actor) -> None:
    for state in ("begun", "tried", "sent"):
        user = waiting()
        outcome = do(decide, APPROVE, user, by=anna_acts)
        row = OutgoingMail.objects.get(user=user)
        OutgoingMail.objects.filter(pk=row.pk).update(next_attempt_at=timezone.now())
        if state == "begun":
            assert begun(row.pk)
        elif state == "tried":
            OutgoingMail.objects.filter(pk=row.pk).update(attempts=1)
        else:
            assert deliver([row.pk]) == 1
        result = do(undone, outcome, by=anna_acts)
        assert [(person.pk, type(refusal)) for person, refusal in result.refused] == [(user.pk, AlreadyMailed)]
        assert columns(user)["status"] == Status.ACTIVE


def test_a_mail_that_waits_in_the_batch_of_a_worker_is_cancelled(do: Do, anna_acts: Actor) -> None:
    outcome = do(decide, APPROVE, waiting(), by=anna_acts)
    OutgoingMail.objects.update(next_attempt_at=timezone.now())
    [claimed] = claim_due()
    assert len(do(undone, outcome, by=anna_acts).undone) == 1
    assert not claimed.begin()
    assert OutgoingMail.objects.get().state == MailState.OBSOLETE


def test_many_are_undone_together_but_those_who_changed(do: Do, anna_acts: Actor) -> None:
    people = [waiting() for _ in range(4)]
    outcome = do(decide, REJECT, *people, by=anna_acts, reason="x")
    User.objects.filter(pk=people[1].pk).update(updated_at=timezone.now())
    OutgoingMail.objects.filter(user=people[2]).update(state=MailState.SENT, sent_at=timezone.now())
    result = do(undone, outcome, by=anna_acts)
    assert {person.pk for person in result.undone} == {people[0].pk, people[3].pk}
    assert {person.pk: type(refusal) for person, refusal in result.refused} == {
        people[1].pk: ChangedSinceDecision,
        people[2].pk: AlreadyMailed,
    }
    assert User.objects.filter(status=Status.PENDING_ADMIN_APPROVAL, rejection_count=0).count() == 2


def test_deciding_and_undoing_cost_the_same_at_one_and_three_people(anna_acts: Actor) -> None:
    def queries(count: int, transition: Any) -> tuple[int, int]:
        people = [waiting() for _ in range(count)]
        with CaptureQueriesContext(connection) as deciding:
            outcome = decide(transition, *people, by=anna_acts, reason="x")
        with CaptureQueriesContext(connection) as undoing:
            undone(outcome, by=anna_acts)
        return len(deciding), len(undoing)

    for transition in (APPROVE, REJECT):
        assert queries(3, transition) == queries(1, transition)


def test_nothing_is_held_back_without_a_window_for_other_moves_or_for_no_person(do: Do, anna_acts: Actor) -> None:
    cases = (
        decide(APPROVE, waiting(), by=anna_acts, window=timedelta(0)),
        decide(SUSPEND, UserFactory(), by=anna_acts, reason="x"),
        decide(APPROVE, waiting(), by=Actor.cli()),
        decide(APPROVE, by=anna_acts),
    )
    assert [outcome.decision for outcome in cases] == [None] * 4
    assert not DecisionUndo.objects.exists()
    assert not OutgoingMail.objects.filter(next_attempt_at__gt=timezone.now()).exists()


def test_signals_tell_of_the_decision_and_of_its_undoing(do: Do, anna_acts: Actor) -> None:
    heard: list[tuple[str, str]] = []

    def listen(signal: Any, name: str) -> Callable[..., None]:
        def hear(user: User, by: Actor, **_: Any) -> None:
            heard.append((name, user.status))

        signal.connect(hear)
        return hear

    names = ("user_approved", "user_rejected", "user_approval_undone", "user_rejection_undone")
    listeners = [(getattr(signals, name), listen(getattr(signals, name), name)) for name in names]
    try:
        for transition in (APPROVE, REJECT):
            do(undone, do(decide, transition, waiting(), by=anna_acts, reason="x"), by=anna_acts)
    finally:
        for signal, hear in listeners:
            signal.disconnect(hear)
    assert heard == [
        ("user_approved", "active"),
        ("user_approval_undone", "pending_admin_approval"),
        ("user_rejected", "rejected"),
        ("user_rejection_undone", "pending_admin_approval"),
    ]


def test_an_undone_decision_is_not_named_as_who_was_first(do: Do, anna_acts: Actor, root: User) -> None:
    user = UserFactory(status=Status.PENDING_EMAIL_VERIFICATION, approval_flow=ApprovalFlow.EMAIL_VERIFICATION)
    do(undone, do(decide, APPROVE, user, by=anna_acts), by=anna_acts)
    now = timezone.now()
    User.objects.filter(pk=user.pk).update(status=Status.ACTIVE, email_verified_at=now)  # by their link
    with pytest.raises(IllegalTransition) as refused:
        approve_user(user, by=Actor.administrator(root))
    assert refused.value.code == "illegal_transition"


def test_erasing_leaves_nothing_of_what_could_be_undone(do: Do, anna_acts: Actor, root: User) -> None:
    user = waiting(status_reason="Infinite improbability")
    do(decide, APPROVE, user, by=anna_acts)
    do(erase_person, User.objects.get(pk=user.pk), by=Actor.administrator(root))
    assert [row for row in rows() if "improbability" in row.lower()] == []
    assert not DecisionUndo.objects.exists()
    assert OutgoingMail.objects.get(template="approved").state == MailState.OBSOLETE


@pytest.mark.django_db(transaction=True)
def test_of_undo_claim_and_second_decision_at_once_exactly_one_wins(anna: User, root: User, queue: None) -> None:
    by, boss = Actor.administrator(anna), Actor.administrator(root)
    for _ in range(10):
        user = waiting()
        outcome = decide(APPROVE, user, by=by)
        key = OutgoingMail.objects.filter(user=user).values_list("pk", flat=True).get()
        OutgoingMail.objects.filter(pk=key).update(next_attempt_at=timezone.now())
        results = at_once(
            lambda outcome=outcome: undone(outcome, by=by),  # type: ignore[misc]  # binds the decision
            lambda outcome=outcome: undone(outcome, by=by),  # type: ignore[misc]  # the same
            lambda key=key: begun(key),  # type: ignore[misc]  # the same
            lambda user=user: suspend_user(User(pk=user.pk), by=boss, reason="x"),  # type: ignore[misc]  # the same
        )
        undos = [result for result in results[:2] if isinstance(result, UndoOutcome) and result.undone]
        claimed, suspended = results[2] is True, isinstance(results[3], User)
        user.refresh_from_db()
        state = OutgoingMail.objects.get(pk=key).state
        events = AuditEvent.objects.filter(target_id=str(user.pk), action="user.approval_undone").count()
        assert len(undos) == events <= 1
        assert not (undos and (claimed or suspended))
        assert user.status == ("pending_admin_approval" if undos else "suspended" if suspended else "active")
        assert state == (MailState.OBSOLETE if undos else MailState.QUEUED)
