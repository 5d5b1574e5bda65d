"""What your product does when Keystone announces something. Signals come after the commit, once per person.

A decision on ten thousand people is announced ten thousand times: keep a receiver cheap, or let it enqueue a task.
"""

import logging
from typing import Any

from django.dispatch import receiver

from keystone.accounts.models import User
from keystone.accounts.signals import user_approved

logger = logging.getLogger(__name__)


@receiver(user_approved, dispatch_uid="project.welcome")
def welcome(user: User, **_: Any) -> None:
    """An example: note who got in. The key says it; names and addresses do not belong into logs."""
    logger.info("approved: %s", user.pk)
