"""Any order of moves, by hypothesis: active only by the flow's rules, one event a move, no move from a wrong status."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from keystone.accounts import lifecycle
from keystone.accounts.models import User
from keystone.accounts.registration import register_user
from keystone.accounts.status import ApprovalFlow, Status
from keystone.accounts.tokens import InvalidToken, Purpose, mint
from keystone.accounts.transition_rules import TRANSITIONS, UnverifiedAddress
from keystone.accounts.verification import verify_email
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.exceptions import Refusal
from keystone.testing.factories import superuser

# The rules, written down a second time and differently: (move, status before) -> status after.
EXPECTED = {
    ("approve", Status.PENDING_ADMIN_APPROVAL): Status.ACTIVE,
    ("approve", Status.PENDING_EMAIL_VERIFICATION): Status.ACTIVE,
    ("reject", Status.PENDING_ADMIN_APPROVAL): Status.REJECTED,
    ("reject", Status.PENDING_EMAIL_VERIFICATION): Status.REJECTED,
    ("suspend", Status.ACTIVE): Status.SUSPENDED,
    ("reactivate", Status.SUSPENDED): Status.ACTIVE,
    ("reactivate", Status.DEACTIVATED): Status.ACTIVE,
    ("deactivate", Status.ACTIVE): Status.DEACTIVATED,
    ("deactivate", Status.SUSPENDED): Status.DEACTIVATED,
}
REGISTERED = {
    ApprovalFlow.NONE: Status.ACTIVE,
    ApprovalFlow.EMAIL_VERIFICATION: Status.PENDING_EMAIL_VERIFICATION,
    ApprovalFlow.ADMIN_APPROVAL: Status.PENDING_ADMIN_APPROVAL,
    ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL: Status.PENDING_EMAIL_VERIFICATION,
}


class AccountMachine(RuleBasedStateMachine):
    """One account, moved about at random beside a model of what must come of it."""

    @initialize(flow=st.sampled_from(list(ApprovalFlow)))
    def register(self, flow: ApprovalFlow) -> None:
        User.objects.exclude(is_superuser=True).delete()
        self.by = Actor.administrator(User.objects.active_superusers().first() or superuser())
        with override_settings(KEYSTONE={"DEFAULT_USER_APPROVAL_FLOW": str(flow)}):
            register_user(email="ann@example.com", password="x" * 12, first_name="Ann")
        self.flow = flow
        self.user = User.objects.get(email="ann@example.com")
        self.status = REGISTERED[flow]
        self.verified = self.approved = self.contested = False
        self.events = 1

    @rule(
        name=st.sampled_from(sorted(TRANSITIONS)),
        even_unverified=st.booleans(),
        until=st.none() | st.integers(1, 9),
    )
    def transition(self, name: str, even_unverified: bool, until: int | None) -> None:
        end = timezone.now() + timedelta(days=until) if until and name == "suspend" else None
        stale = User(pk=self.user.pk)  # the caller's idea of the row must not matter
        expected = self.expected(name, even_unverified=even_unverified)
        arguments: dict[str, Any] = {"by": self.by}
        if name == "suspend":
            arguments |= {"reason": "because", "until": end}
        if name == "approve":
            arguments |= {"even_unverified": even_unverified}
        verb = getattr(lifecycle, f"{name}_user")
        if isinstance(expected, Status):
            verb(stale, **arguments)
            self.status, self.events = expected, self.events + 1
            self.approved = self.approved or name == "approve"
        else:
            with pytest.raises(expected):
                verb(stale, **arguments)

    def expected(self, name: str, *, even_unverified: bool) -> Status | type[Refusal]:
        if name == "reopen":
            if self.status != Status.REJECTED:
                return Refusal
            held_back = "email_verification" in self.flow and not self.verified
            return Status.PENDING_EMAIL_VERIFICATION if held_back else Status.PENDING_ADMIN_APPROVAL
        if name == "approve" and (name, self.status) in EXPECTED and not (self.verified or even_unverified):
            return UnverifiedAddress
        return EXPECTED.get((name, self.status), Refusal)

    @rule()
    def verify(self) -> None:
        token = mint(
            purpose=Purpose.VERIFY_EMAIL,
            user=self.user,
            email="ann@example.com",
            lifetime=timedelta(hours=1),
        )
        if self.verified:
            with pytest.raises(InvalidToken):
                verify_email(token)
            return
        verify_email(token)
        self.verified, self.events = True, self.events + 1
        if self.status == Status.PENDING_EMAIL_VERIFICATION:
            both = self.flow == ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL
            self.status = Status.PENDING_ADMIN_APPROVAL if both else Status.ACTIVE
        if self.status in {Status.PENDING_ADMIN_APPROVAL, Status.ACTIVE}:
            verify_email(token)  # again within minutes: the same answer, and nothing changes
        else:  # what it led to does not hold any more
            with pytest.raises(InvalidToken):
                verify_email(token)

    @rule()
    def register_again(self) -> None:
        register_user(email="ANN@example.com", password="another password", first_name="Mallory")
        outside = {Status.PENDING_EMAIL_VERIFICATION, Status.PENDING_ADMIN_APPROVAL, Status.REJECTED}
        self.contested = self.contested or (self.status in outside and not self.verified)

    @invariant()
    def the_account_is_what_the_model_says(self) -> None:
        if not hasattr(self, "user"):
            return
        stored = User.objects.get(email_normalized="ann@example.com")
        assert stored.status == self.status
        assert stored.is_active is (self.status == Status.ACTIVE)
        assert (stored.email_verified_at is not None) is self.verified
        assert stored.first_name == "Ann"
        assert stored.check_password("x" * 12) is not self.contested
        assert not stored.check_password("another password")
        assert stored.approval_flow == self.flow
        assert AuditEvent.objects.filter(target_id=str(stored.pk)).count() == self.events
        if stored.is_active:
            rules = {
                ApprovalFlow.NONE: True,
                ApprovalFlow.EMAIL_VERIFICATION: self.verified or self.approved,
                ApprovalFlow.ADMIN_APPROVAL: self.approved,
                ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL: self.approved,
            }
            assert rules[self.flow]


@pytest.mark.django_db
@pytest.mark.parametrize("examples", [10, pytest.param(60, marks=pytest.mark.slow)])
def test_any_order_of_moves_keeps_the_rules(examples: int) -> None:
    run_state_machine_as_test(
        AccountMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
