from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone

from keystone.accounts import lifecycle, signals
from keystone.accounts.authority import LastSuperuser, OwnAccount, ProtectedAccount
from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status
from keystone.accounts.tokens import OneTimeToken, Purpose, mint
from keystone.accounts.transition_rules import (
    TRANSITIONS,
    AlreadyDecided,
    IllegalTransition,
    ReasonMissing,
    SuspensionEndsInThePast,
    UnverifiedAddress,
    UserNotFound,
)
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.observability.origin import origin
from keystone.sessions.models import Session
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, approver, superuser

pytestmark = pytest.mark.django_db
Committed = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]


@pytest.fixture
def admin() -> User:
    return superuser(email="admin@example.com")


@pytest.fixture
def by(admin: User) -> Actor:
    return Actor.administrator(admin)


def committed(callbacks: Committed) -> AbstractContextManager[list[Callable[[], Any]]]:
    return callbacks(execute=True)


def test_approve_lets_a_waiting_person_in(
    by: Actor, mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL, email="Ann@Example.com")
    heard: list[tuple[User, Actor]] = []

    def listen(sender: type[User], user: User, by: Actor, **kwargs: Any) -> None:
        heard.append((user, by))

    signals.user_approved.connect(listen)
    try:
        with committed(django_capture_on_commit_callbacks), origin(request_id="r-1", ip_address="192.0.2.1"):
            assert lifecycle.approve_user(user, by=by, reason="Welcome!", note="checked by phone") is user
            assert heard == []
            assert mailoutbox == []
    finally:
        signals.user_approved.disconnect(listen)

    assert heard == [(user, by)]
    stored = User.objects.get(pk=user.pk)
    assert (stored.status, stored.is_active, stored.status_reason) == ("active", True, "Welcome!")
    assert (user.status, user.is_active, user.decided_at) == ("active", True, stored.decided_at)
    [event] = AuditEvent.objects.all()
    assert (event.action, event.target_id, event.target_label) == ("user.approved", str(user.pk), "Ann@Example.com")
    assert (event.actor_id, event.actor_kind, event.actor_label) == (
        by.user.pk,
        "administrator",
        "admin@example.com",
    )
    assert (event.reason, event.note) == ("Welcome!", "checked by phone")
    assert event.changes == {"status": ["pending_admin_approval", "active"]}
    assert (event.ip_address, event.request_id) == ("192.0.2.1", "r-1")
    [mail] = mailoutbox
    assert mail.to == ["Ann@Example.com"]
    assert "Welcome!" in mail.body
    assert "checked by phone" not in mail.body


def test_approve_wants_an_override_for_an_unverified_address(by: Actor) -> None:
    user = UserFactory(status=Status.PENDING_EMAIL_VERIFICATION)
    with pytest.raises(UnverifiedAddress):
        lifecycle.approve_user(user, by=by)
    lifecycle.approve_user(user, by=by, even_unverified=True)
    assert User.objects.get(pk=user.pk).status == Status.ACTIVE
    assert user.email_verified_at is None


def test_reject_in_silence_sends_no_mail(
    by: Actor, mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    with committed(django_capture_on_commit_callbacks):
        lifecycle.reject_user(user, by=by, reason="Not a customer", note="spam", notify=False)
    user.refresh_from_db()
    assert (user.status, user.status_reason, user.rejection_count) == ("rejected", "Not a customer", 1)
    assert user.decided_at is not None
    assert mailoutbox == []


def test_reject_tells_the_reason(
    by: Actor, mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    with committed(django_capture_on_commit_callbacks):
        lifecycle.reject_user(user, by=by, reason="Not <b>a</b> customer")
    [mail] = mailoutbox
    assert "Not <b>a</b> customer" in mail.body
    html = mail.alternatives[0][0]  # type: ignore[attr-defined]  # it is an EmailMultiAlternatives
    assert "Not &lt;b&gt;a&lt;/b&gt; customer" in html


@pytest.mark.parametrize("second", [lifecycle.approve_user, lifecycle.reject_user])
def test_the_second_decision_is_told_of_the_first(by: Actor, second: Callable[..., User]) -> None:
    user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    lifecycle.reject_user(user, by=by)
    with pytest.raises(AlreadyDecided, match=r"^Already rejected by admin@example\.com on .* UTC\.$"):
        second(user, by=by)
    assert AuditEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("flow", "verified", "status", "template"),
    [
        (ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL, True, Status.PENDING_ADMIN_APPROVAL, "awaits"),
        (ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL, False, Status.PENDING_EMAIL_VERIFICATION, "verify-email"),
        (ApprovalFlow.ADMIN_APPROVAL, False, Status.PENDING_ADMIN_APPROVAL, "awaits"),
        (ApprovalFlow.EMAIL_VERIFICATION, True, Status.PENDING_ADMIN_APPROVAL, "awaits"),
    ],
)
def test_reopen_puts_a_rejected_person_where_their_flow_has_them(
    by: Actor,
    flow: ApprovalFlow,
    verified: bool,
    status: Status,
    template: str,
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: Committed,
) -> None:
    user = UserFactory(status=Status.REJECTED, approval_flow=flow, verified=verified)
    with committed(django_capture_on_commit_callbacks):
        lifecycle.reopen_user(user, by=by)
    assert User.objects.get(pk=user.pk).status == status
    assert len(mailoutbox) == 1
    lifecycle.reject_user(user, by=by)
    assert User.objects.get(pk=user.pk).rejection_count == 2


def test_suspend_has_a_reason_and_an_end_and_reactivate_lifts_it(
    by: Actor, mailoutbox: list[EmailMessage], django_capture_on_commit_callbacks: Committed
) -> None:
    user = UserFactory()
    until = timezone.now() + timedelta(days=3)
    with committed(django_capture_on_commit_callbacks):
        lifecycle.suspend_user(user, by=by, reason="Unpaid bill", until=until)
    user.refresh_from_db()
    assert (user.status, user.suspended_until, user.status_reason) == ("suspended", until, "Unpaid bill")
    assert "Unpaid bill" in mailoutbox[0].body
    lifecycle.reactivate_user(user, by=by)
    user.refresh_from_db()
    assert (user.status, user.suspended_until, user.status_reason) == ("active", None, "")


def test_suspend_refuses_a_missing_reason_and_a_past_end(by: Actor) -> None:
    user = UserFactory()
    with pytest.raises(ReasonMissing):
        lifecycle.suspend_user(user, by=by, reason="  ")
    with pytest.raises(SuspensionEndsInThePast):
        lifecycle.suspend_user(user, by=by, reason="x", until=timezone.now())
    assert AuditEvent.objects.count() == 0


@pytest.mark.parametrize("name", TRANSITIONS)
@pytest.mark.parametrize("status", Status)
def test_a_move_starts_from_its_sources_only(by: Actor, name: str, status: Status) -> None:
    user = UserFactory(status=status)
    transition = TRANSITIONS[name]
    outcome = lifecycle.transition_users(transition, [user.pk], by=by, reason="why", even_unverified=True)
    stored = User.objects.get(pk=user.pk)
    if status in transition.sources:
        assert outcome.succeeded == [user]
        assert stored.status != status
        assert AuditEvent.objects.filter(action=transition.action).count() == 1
    else:
        [(refused, refusal)] = outcome.refused
        assert (refused, type(refusal)) == (user, IllegalTransition)
        assert str(status.label) in refusal.detail
        assert stored.status == status
        assert AuditEvent.objects.count() == 0


@pytest.mark.parametrize("name", ["reject", "suspend", "deactivate"])
def test_losing_access_ends_sessions_and_links(by: Actor, name: str) -> None:
    user = UserFactory()
    sign_in(email=user.email, password=PASSWORD)
    if name == "reject":
        User.objects.filter(pk=user.pk).update(status=Status.PENDING_ADMIN_APPROVAL, awaiting_since=timezone.now())
    mint(
        purpose=Purpose.VERIFY_EMAIL,
        user=user,
        email=user.email,
        lifetime=timedelta(hours=1),
    )
    lifecycle.transition_users(TRANSITIONS[name], [user.pk], by=by, reason="why")
    assert Session.objects.live().count() == 0
    assert OneTimeToken.objects.filter(used_at__isnull=True).count() == 0


def test_a_lifted_suspension_does_not_bring_a_session_of_the_admin_back(by: Actor, client: Client) -> None:
    user = UserFactory(is_staff=True)
    client.force_login(user)
    assert client.get("/admin/").status_code == 200
    lifecycle.suspend_user(user, by=by, reason="x")
    assert client.get("/admin/").status_code == 302
    lifecycle.reactivate_user(user, by=by)
    assert client.get("/admin/").status_code == 302


def test_the_log_tells_of_an_override_and_of_a_lifted_end(by: Actor) -> None:
    user = UserFactory(status=Status.PENDING_EMAIL_VERIFICATION)
    lifecycle.approve_user(user, by=by, even_unverified=True)
    lifecycle.suspend_user(user, by=by, reason="x", until=timezone.now() + timedelta(days=1))
    end = user.suspended_until
    lifecycle.reactivate_user(user, by=by)
    changes = dict(AuditEvent.objects.values_list("action", "changes"))
    assert changes["user.approved"]["even_unverified"] == [None, True]
    assert end is not None
    assert changes["user.reactivated"]["suspended_until"][1] is None


def test_staff_cannot_touch_staff_or_superusers(admin: User) -> None:
    by = Actor.administrator(approver("suspend_user"))
    for protected in (admin, UserFactory(is_staff=True)):
        with pytest.raises(ProtectedAccount):
            lifecycle.suspend_user(protected, by=by, reason="mine now")
    assert lifecycle.suspend_user(UserFactory(), by=by, reason="late").status == Status.SUSPENDED


def test_nobody_decides_on_themselves(admin: User, by: Actor) -> None:
    superuser()
    with pytest.raises(OwnAccount):
        lifecycle.deactivate_user(admin, by=by)


def test_the_last_superuser_cannot_be_suspended_or_deactivated(admin: User) -> None:
    with pytest.raises(LastSuperuser):
        lifecycle.deactivate_user(admin, by=Actor.cli())
    with pytest.raises(LastSuperuser):
        lifecycle.suspend_user(admin, by=Actor.job("anything"), reason="x")
    other = superuser()
    outcome = lifecycle.deactivate_users([admin.pk, other.pk], by=Actor.system())
    assert outcome.succeeded == []
    assert {type(refusal) for _, refusal in outcome.refused} == {LastSuperuser}
    lifecycle.deactivate_user(admin, by=Actor.administrator(other))
    assert User.objects.active_superusers().get() == other


def test_a_move_of_many_tells_each_fate(by: Actor) -> None:
    waiting = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    unverified = UserFactory(status=Status.PENDING_EMAIL_VERIFICATION)
    active = UserFactory()
    gone = UserFactory.build().pk
    outcome = lifecycle.approve_users([active.pk, waiting.pk, unverified.pk, gone], by=by)
    assert outcome.succeeded == [waiting]
    assert {(user, refusal.code) for user, refusal in outcome.refused} == {
        (unverified, "address_unverified"),
        (active, "illegal_transition"),
    }
    assert outcome.missing == [gone]


def test_a_missing_person_is_refused(by: Actor) -> None:
    with pytest.raises(UserNotFound):
        lifecycle.approve_user(UserFactory.build(), by=by)


def test_a_move_of_many_takes_a_bounded_number_of_statements(
    by: Actor, django_assert_max_num_queries: Callable[[int], AbstractContextManager[Any]]
) -> None:
    few = [UserFactory(status=Status.PENDING_ADMIN_APPROVAL).pk for _ in range(3)]
    many = [UserFactory(status=Status.PENDING_ADMIN_APPROVAL).pk for _ in range(200)]
    with django_assert_max_num_queries(10):
        lifecycle.approve_users(few, by=by)
    with django_assert_max_num_queries(10):
        lifecycle.approve_users(many, by=by)
    assert AuditEvent.objects.filter(action="user.approved").count() == 203


def test_a_failing_receiver_changes_nothing(by: Actor, django_capture_on_commit_callbacks: Committed) -> None:
    def fail(**kwargs: Any) -> None:
        raise RuntimeError

    user = UserFactory(status=Status.PENDING_ADMIN_APPROVAL)
    signals.user_approved.connect(fail)
    try:
        with committed(django_capture_on_commit_callbacks):
            lifecycle.approve_user(user, by=by)
    finally:
        signals.user_approved.disconnect(fail)
    assert User.objects.get(pk=user.pk).status == Status.ACTIVE
