"""Index of the models, so that Django finds them. Each stands with its subject."""

from keystone.accounts.models import User
from keystone.accounts.queue import AwaitingDecision
from keystone.accounts.tokens import OneTimeToken
from keystone.attempts.models import AttemptWindow
from keystone.audit.models import AuditEvent
from keystone.sessions.models import Session
from keystone.two_factor.models import Authenticator, RecoveryCode

__all__ = [
    "AttemptWindow",
    "AuditEvent",
    "Authenticator",
    "AwaitingDecision",
    "OneTimeToken",
    "RecoveryCode",
    "Session",
    "User",
]
