"""People in every status, so that a first look at the admin shows something. Made once, by the verb functions."""

from datetime import datetime, timedelta
from unittest import mock

from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import transaction
from django.utils import timezone

from keystone.accounts.grants import change_grants
from keystone.accounts.lifecycle import (
    approve_user,
    deactivate_user,
    reject_user,
    reopen_user,
    suspend_user,
)
from keystone.accounts.models import User
from keystone.accounts.registration import create_user, register_user
from keystone.accounts.status import ApprovalFlow
from keystone.accounts.tokens import Purpose, mint
from keystone.accounts.verification import verify_email
from keystone.audit.actor import Actor
from keystone.conf import options
from keystone.development import administrator
from keystone.development.environment import require_local
from keystone.development.past import at
from keystone.development.people import SAMPLES, Fate, Sample

PASSWORD = "Sample@1234"  # noqa: S105 - known on purpose; `require_local` keeps it away from servers
STAFF_EMAIL = "dana.reyes@example.com"
LATEST_EMAIL = "sam.rivera@example.org"

REJECTIONS = (
    ("We could not match you to a member organisation.", "No answer from their office."),
    ("Please register with your work address.", ""),
    ("This service is for staff of partner institutions.", "Second attempt from this domain."),
    ("", "Looks like a bot: forty registrations from one address range."),
)


def ensure_sample_people() -> int:
    """Make the sample people where the database holds nobody but the development administrator.

    Call it as `preparation` does, one start at a time.

    Returns:
        How many were made.

    Raises:
        NotLocal: this is not the local environment.
    """
    require_local()
    with transaction.atomic():
        everybody = User.objects.all()
        if everybody.exclude(pk__in=everybody.with_email(administrator.EMAIL)).exists():
            return 0
        now = timezone.now()
        staff = _staff(now - timedelta(days=30))
        admin = everybody.with_email(administrator.EMAIL).filter(is_active=True).first() or staff
        flow = {"DEFAULT_USER_APPROVAL_FLOW": ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL.value}
        with mock.patch.object(settings, "KEYSTONE", {**settings.KEYSTONE, **flow}):
            options.cache_clear()
            try:
                for index, sample in enumerate(SAMPLES):
                    by = Actor.administrator(admin if index % 3 else staff)
                    _live(sample, index, by=by, now=now)
            finally:
                options.cache_clear()
    _send_some_mails(staff)
    made: int = User.objects.exclude(pk=admin.pk).count()
    return made


def _staff(moment: datetime) -> User:
    """Somebody who may decide without being a superuser."""
    with at(moment):
        staff = create_user(
            email=STAFF_EMAIL,
            password=PASSWORD,
            by=Actor.system(),
            first_name="Dana",
            last_name="Reyes",
            is_staff=True,
            email_verified=True,
            tell=False,
        )
        codenames = ("view_user", "approve_user", "suspend_user", "view_auditevent", "view_session")
        allowed = Permission.objects.filter(content_type__app_label="keystone", codename__in=codenames)
        return change_grants(staff, by=Actor.system(), groups=[], permissions=list(allowed))


def _live(sample: Sample, index: int, *, by: Actor, now: datetime) -> None:
    """Take one person from the registration to their fate, each step at its time."""
    moment = now - timedelta(days=sample.registered)
    with at(moment):
        register_user(email=sample.email, password=PASSWORD, first_name=sample.first_name, last_name=sample.last_name)
        user = User.objects.with_email(sample.email).get()
        if sample.fate is Fate.UNVERIFIED:
            return
        # Long enough to be valid now, whenever it was mailed.
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
        return
    moment += timedelta(days=sample.decided)
    with at(moment):
        if sample.fate in {Fate.REJECTED, Fate.REOPENED}:
            reason, note = REJECTIONS[index % len(REJECTIONS)]
            reject_user(user, by=by, reason=reason, note=note, tell=bool(reason))
        else:
            approve_user(user, by=by)
    _after(sample.fate, user, decided=moment, by=by, now=now)


def _after(fate: Fate, user: User, *, decided: datetime, by: Actor, now: datetime) -> None:
    """What happened to some after the decision."""
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


def _send_some_mails(staff: User) -> None:
    """Four decisions of this minute, whose mails can be looked at. Only into the folder, never to a mail server."""
    if not str(settings.MAILERS["default"]["BACKEND"]).endswith(".FolderBackend"):
        return
    by = Actor.administrator(staff)
    waiting = list(User.objects.awaiting_approval().order_by("-awaiting_since")[1:3])
    approve_user(waiting[0], by=by, reason="Welcome! Your team is expecting you.")
    reject_user(waiting[1], by=by, reason="Please register with your work address.")
    active = User.objects.filter(approval_flow=ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL, is_active=True)
    suspended = active.exclude(pk=waiting[0].pk).earliest("created_at")
    suspend_user(suspended, by=by, reason="Please renew your membership.", until=timezone.now() + timedelta(days=7))
    register_user(email=LATEST_EMAIL, password=PASSWORD, first_name="Sam", last_name="Rivera")
