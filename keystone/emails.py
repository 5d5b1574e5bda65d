"""The mails of the core: importing this registers them. Every app's `emails.py` is imported at the start."""

from keystone.accounts.emails import addresses, decisions, passwords, registration, second_factor
from keystone.accounts.notices import emails as notices
from keystone.mail import emails

__all__ = ["addresses", "decisions", "emails", "notices", "passwords", "registration", "second_factor"]
