"""Index of the admin, so that Django finds it. Each part stands with its subject."""

from keystone.accounts.admin.groups import GroupAdmin
from keystone.accounts.admin.people import PersonAdmin
from keystone.accounts.admin.queue import AwaitingDecisionAdmin
from keystone.accounts.admin.saved_reasons import SavedReasonAdmin
from keystone.attempts.admin import AttemptWindowAdmin
from keystone.audit.admin import AuditEventAdmin
from keystone.background.admin import TaskAdmin
from keystone.data.admin import DataRunAdmin
from keystone.mail.admin.mails import OutgoingMailAdmin
from keystone.mail.admin.suppressed import SuppressedAddressAdmin
from keystone.scheduling.admin import ScheduledJobAdmin, ScheduledRunAdmin
from keystone.sessions.admin import SessionAdmin

__all__ = [
    "AttemptWindowAdmin",
    "AuditEventAdmin",
    "AwaitingDecisionAdmin",
    "DataRunAdmin",
    "GroupAdmin",
    "OutgoingMailAdmin",
    "PersonAdmin",
    "SavedReasonAdmin",
    "ScheduledJobAdmin",
    "ScheduledRunAdmin",
    "SessionAdmin",
    "SuppressedAddressAdmin",
    "TaskAdmin",
]
