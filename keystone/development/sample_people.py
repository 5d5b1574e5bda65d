"""Create sample people in every status, using the same functions as the application."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import transaction
from django.utils import timezone

from keystone.accounts.grants import change_grants
from keystone.accounts.lifecycle import approve_user, reject_user, suspend_user
from keystone.accounts.models import User
from keystone.accounts.registration import create_user, register_user
from keystone.accounts.status import ApprovalFlow
from keystone.actors.actor import Actor
from keystone.development import administrator
from keystone.development.environment import require_local
from keystone.development.past import at
from keystone.development.people import SAMPLES
from keystone.development.scenarios import full_approval, live

PASSWORD = "Sample@1234"  # noqa: S105 - known on purpose; `require_local` keeps it away from servers
STAFF_EMAIL = "dana.reyes@example.com"
LATEST_EMAIL = "sam.rivera@example.org"


def ensure_sample_people() -> int:
    """Create the sample people if the database has no accounts except the development administrator's.

    Call it under a lock, as `preparation` does.

    Returns:
        The number of accounts created.

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
        with full_approval():
            for index, sample in enumerate(SAMPLES):
                by = Actor.administrator(admin if index % 3 else staff)
                live(sample, index, password=PASSWORD, by=by, now=now)
    _send_some_mails(staff)
    made: int = User.objects.exclude(pk=admin.pk).count()
    return made


def _staff(moment: datetime) -> User:
    """Create a user who may approve without being a superuser."""
    with at(moment):
        staff = create_user(
            email=STAFF_EMAIL,
            password=PASSWORD,
            by=Actor.system(),
            first_name="Dana",
            last_name="Reyes",
            is_staff=True,
            email_verified=True,
            notify=False,
        )
        codenames = ("view_user", "approve_user", "suspend_user", "view_auditevent", "view_session")
        allowed = Permission.objects.filter(content_type__app_label="keystone", codename__in=codenames)
        return change_grants(staff, by=Actor.system(), groups=[], permissions=list(allowed))


def _send_some_mails(staff: User) -> None:
    """Make three decisions and one registration now, so that there are mails to view. Only if mails go to a folder."""
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
