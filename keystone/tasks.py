"""Index of Keystone's tasks, so that every process knows them. Each stands with its subject."""

from keystone.accounts import tasks as accounts
from keystone.accounts.notices import tasks as notices
from keystone.mail import tasks as mail
from keystone.scheduling import tasks as scheduling

__all__ = ["accounts", "mail", "notices", "scheduling"]
