"""Index of the admin, so that Django finds it. Each part stands with its subject."""

from keystone.accounts.admin.groups import GroupAdmin
from keystone.accounts.admin.people import PersonAdmin
from keystone.accounts.admin.queue import AwaitingDecisionAdmin
from keystone.attempts.admin import AttemptWindowAdmin
from keystone.audit.admin import AuditEventAdmin
from keystone.sessions.admin import SessionAdmin

__all__ = [
    "AttemptWindowAdmin",
    "AuditEventAdmin",
    "AwaitingDecisionAdmin",
    "GroupAdmin",
    "PersonAdmin",
    "SessionAdmin",
]
