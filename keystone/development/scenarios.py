"""Scenarios of sample people: from registration to their status, in the past."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest import mock

from django.conf import settings

from keystone.accounts.lifecycle import (
    approve_user,
    deactivate_user,
    reject_user,
    reopen_user,
    suspend_user,
)
from keystone.accounts.models import User
from keystone.accounts.registration import register_user
from keystone.accounts.status import ApprovalFlow
from keystone.accounts.tokens import Purpose, mint
from keystone.accounts.verification import verify_email
from keystone.actors.actor import Actor
from keystone.conf import options
from keystone.development.past import at
from keystone.development.people import Fate, Sample

REJECTIONS = (
    ("We could not match you to a member organisation.", "No answer from their office."),
    ("Please register with your work address.", ""),
    ("This service is for staff of partner institutions.", "Second attempt from this domain."),
    ("", "Looks like a bot: forty registrations from one address range."),
)


@contextmanager
def full_approval() -> Iterator[None]:
    """Require email verification and approval for registrations in the block, regardless of the settings."""
    flow = {"DEFAULT_USER_APPROVAL_FLOW": ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL.value}
    with mock.patch.object(settings, "KEYSTONE", {**settings.KEYSTONE, **flow}):
        options.cache_clear()
        try:
            yield
        finally:
            options.cache_clear()


def live(sample: Sample, index: int, *, password: str, by: Actor, now: datetime) -> User:
    """Take one person from the registration to their fate, each step at its time. Call it under `full_approval()`.

    Their email address must be unused.

    Args:
        index: the person's position in the list, which varies the reasons.
        by: the administrator who decides.
        now: the end of the period.
    """
    moment = now - timedelta(days=sample.registered)
    with at(moment):
        register_user(email=sample.email, password=password, first_name=sample.first_name, last_name=sample.last_name)
        user: User = User.objects.with_email(sample.email).get()
        if sample.fate is Fate.UNVERIFIED:
            return user
        # Long enough to be still valid now.
        token = mint(
            purpose=Purpose.VERIFY_EMAIL,
            user=user,
            email=user.email,
            lifetime=timedelta(days=90),
        )
    moment += timedelta(minutes=4 + index * 7 % 90)
    with at(moment):
        user = verify_email(token)
    if sample.fate is Fate.WAITING:
        return user
    moment += timedelta(days=sample.decided)
    with at(moment):
        if sample.fate in {Fate.REJECTED, Fate.REOPENED}:
            reason, note = REJECTIONS[index % len(REJECTIONS)]
            reject_user(user, by=by, reason=reason, note=note, notify=bool(reason))
        else:
            approve_user(user, by=by)
    _after(sample.fate, user, decided=moment, by=by, now=now)
    return user


def _after(fate: Fate, user: User, *, decided: datetime, by: Actor, now: datetime) -> None:
    """Apply later changes to the account, if its fate has any."""
    between = decided + (now - decided) * 0.6
    with at(between):
        if fate is Fate.REOPENED:
            reopen_user(user, by=by, note="They wrote again, with a letter of their employer.")
        elif fate is Fate.SUSPENDED:
            suspend_user(user, by=by, reason="Shared the account with others.", note="Told twice before.")
        elif fate is Fate.SUSPENDED_FOR_A_TIME:
            end = now + timedelta(days=14)
            suspend_user(user, by=by, reason="Your contract is on hold until it is renewed.", until=end)
        elif fate is Fate.DEACTIVATED:
            deactivate_user(user, by=by, reason="Closed as you asked us to.")
