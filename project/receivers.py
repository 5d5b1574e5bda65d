"""Receivers of Keystone's signals. They are sent after the commit, once per person.

A decision on ten thousand people sends ten thousand signals: keep receivers cheap, or let them enqueue a task.
"""

import logging
from typing import Any

from django.dispatch import receiver

from keystone.accounts.models import User
from keystone.accounts.signals import user_approved

logger = logging.getLogger(__name__)


@receiver(user_approved, dispatch_uid="project.welcome")
def welcome(user: User, **_: Any) -> None:
    """Log the primary key of an approved user, as an example. Names and email addresses don't belong in logs."""
    logger.info("approved: %s", user.pk)
