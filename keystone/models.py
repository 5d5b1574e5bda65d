"""Index of the models, so that Django finds them. Each stands with its subject."""

from keystone.accounts.models import User
from keystone.accounts.queue import AwaitingDecision
from keystone.accounts.tokens import OneTimeToken
from keystone.audit.models import AuditEvent
from keystone.sessions.models import Session

__all__ = ["AuditEvent", "AwaitingDecision", "OneTimeToken", "Session", "User"]
