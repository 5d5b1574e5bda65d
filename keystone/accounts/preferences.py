"""`Preferences`: a user's own settings."""

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from keystone.accounts.authority import lock_acting
from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.conf import options


class ApprovalNotices(models.TextChoices):
    """How an approver is notified about people who wait."""

    IMMEDIATE = "immediate", _("At once, one mail for each person")
    DIGEST = "digest", _("Once a day, one mail for all waiting people")
    OFF = "off", _("No mail")


class Preferences(models.Model):
    """A person's settings. The row is created with the first choice; without it, the defaults apply."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="preferences"
    )
    approval_notices = models.CharField(
        _("notifications of waiting people"),
        max_length=16,
        choices=ApprovalNotices,
        default=ApprovalNotices.IMMEDIATE,
    )

    class Meta:
        verbose_name = _("preferences")
        verbose_name_plural = _("preferences")
        default_permissions = ()
        constraints = (
            models.CheckConstraint(
                condition=models.Q(approval_notices__in=ApprovalNotices.values), name="preferences_notices_known"
            ),
        )

    def __str__(self) -> str:
        return str(self.user_id)


def default_notices() -> ApprovalNotices:
    """Return the setting of people who chose none."""
    return ApprovalNotices(options().approval_notices)


def notices_of(user: User) -> ApprovalNotices:
    """Return how this person is notified about people who wait; only relevant for approvers. One query."""
    chosen = Preferences.objects.filter(user=user).values_list("approval_notices", flat=True).first()
    return ApprovalNotices(chosen) if chosen else default_notices()


@transaction.atomic
def choose_notices(user: User, *, approval_notices: str, by: Actor) -> ApprovalNotices:
    """Set how a person is notified about people who wait. Only an actual change is recorded in the audit log.

    Args:
        approval_notices: a value of `ApprovalNotices`.
        by: who changes it.

    Returns:
        The setting.

    Raises:
        AccessEnded: the person's access has ended in the meantime.
        ValueError: there is no such setting.
    """
    wanted = ApprovalNotices(approval_notices)
    lock_acting(user)
    before = notices_of(user)
    Preferences.objects.update_or_create(user=user, defaults={"approval_notices": wanted})
    if before != wanted:
        record([event("user.settings_changed", user, by=by, changes={"approval_notices": [before, wanted]})])
    return wanted
