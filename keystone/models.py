"""Imports all models, so that Django finds them. Each is defined in the package of its subject."""

from keystone.accounts.models import User
from keystone.accounts.preferences import Preferences
from keystone.accounts.tokens import OneTimeToken
from keystone.approval.queue import AwaitingDecision
from keystone.approval.saved_reasons import SavedReason
from keystone.approval.undo import DecisionUndo
from keystone.audit.models import AuditEvent
from keystone.background.models import Task, TaskOutcome, WorkerProcess
from keystone.data.models import DataRun
from keystone.mail.models import OutgoingMail, SuppressedAddress
from keystone.scheduling.models import ScheduledJob, ScheduledRun, SchedulerProcess
from keystone.sessions.models import Session
from keystone.throttling.models import AttemptWindow
from keystone.two_factor.models import Authenticator, RecoveryCode

__all__ = [
    "AttemptWindow",
    "AuditEvent",
    "Authenticator",
    "AwaitingDecision",
    "DataRun",
    "DecisionUndo",
    "OneTimeToken",
    "OutgoingMail",
    "Preferences",
    "RecoveryCode",
    "SavedReason",
    "ScheduledJob",
    "ScheduledRun",
    "SchedulerProcess",
    "Session",
    "SuppressedAddress",
    "Task",
    "TaskOutcome",
    "User",
    "WorkerProcess",
]
