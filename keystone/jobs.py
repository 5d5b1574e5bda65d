"""Index of the jobs, so that they are found. Each stands with its subject."""

from keystone.accounts import jobs as accounts
from keystone.attempts import jobs as attempts
from keystone.background import jobs as background
from keystone.data import jobs as data
from keystone.mail import jobs as mail
from keystone.scheduling import jobs as scheduling
from keystone.sessions import jobs as sessions

__all__ = ["accounts", "attempts", "background", "data", "mail", "scheduling", "sessions"]
